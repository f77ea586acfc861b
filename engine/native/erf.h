/* erf as engine/special.py computes it, to the last bit, but a number at a time instead of in a dozen passes.

   Its numbers are special.py's: tabulate(first, erf, slope, coefficients) hands over the bits of the first grid point,
   the two tables of float64, and P's coefficients for float32, the highest first. */

#define GRID_POINTS 2048 /* in a unit, as special.STEPS */
#define BEYOND 7.0       /* special.REACH + 1: a grid point for all that lies further out */

#define DEGREE 6         /* of P */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define WIDE_CLONES __attribute__((target_clones("avx512f", "avx2", "default"))) /* tables are read by the vector */
#else
#define WIDE_CLONES
#endif

static struct { int64_t first, last; const double *erf, *slope; float coefficients[DEGREE + 1]; } grid;

WIDE_CLONES static void erf_loop(char **at, const npy_intp *count, const npy_intp *step, void *unused)
{
    const npy_intp n = *count;
    const double *given = (double *)at[0], shifter = 1.5 * 4503599627370496.0 / GRID_POINTS;
    double *out = (double *)at[1];
    const double *values = grid.erf, *slopes = grid.slope;
    const int64_t first = grid.first, last = grid.last;
    INDEPENDENT for (npy_intp i = 0; i < n; i++) {
        double x = given[i];
        x = x > BEYOND ? BEYOND : x;
        x = x < -BEYOND ? -BEYOND : x;
        const double shifted = x + shifter, a = shifted - shifter, h = x - a, u = (a * 3.0 + h) * h;
        int64_t index;
        memcpy(&index, &shifted, sizeof index);
        index -= first;
        index = index < 0 ? 0 : index;
        index = index > last ? last : index;
        out[i] = h * slopes[index] / ((u + 9.0) * u + 27.0) + values[index];
    }
}

/* x P(x²), of which tanh makes erf in float32. */
WIDE_CLONES static void erf_argument_loop(char **at, const npy_intp *count, const npy_intp *step, void *unused)
{
    const npy_intp n = *count;
    const float *given = (float *)at[0], *c = grid.coefficients;
    float *out = (float *)at[1];
    INDEPENDENT for (npy_intp i = 0; i < n; i++) {
        float x = given[i];
        x = x > (float)BEYOND ? (float)BEYOND : x;
        x = x < -(float)BEYOND ? -(float)BEYOND : x;
        const float t = x * x;
        float y = t * c[0];
        for (int k = 1; k < DEGREE; k++)
            y = (y + c[k]) * t;
        out[i] = (y + c[DEGREE]) * x;
    }
}

static PyObject *tabulate(PyObject *module, PyObject *arguments)
{
    static Py_buffer view[3]; /* never released: the tables are used as long as the module */
    long long first;
    PyObject *given[3];
    if (!PyArg_ParseTuple(arguments, "LOOO:tabulate", &first, &given[0], &given[1], &given[2]))
        return NULL;
    if (grid.erf != NULL)
        Py_RETURN_NONE;
    int views = 0;
    while (views < 3 && PyObject_GetBuffer(given[views], &view[views], PyBUF_CONTIG_RO | PyBUF_FORMAT) == 0)
        views++;
    if (views < 3 || *view[0].format != 'd' || *view[1].format != 'd' || *view[2].format != 'f'
        || view[0].len != view[1].len || view[2].len != sizeof grid.coefficients) {
        while (views > 0)
            PyBuffer_Release(&view[--views]);
        if (!PyErr_Occurred())
            PyErr_Format(PyExc_ValueError, "tabulate() takes two tables of float64 and %d float32", DEGREE + 1);
        return NULL;
    }
    memcpy(grid.coefficients, view[2].buf, sizeof grid.coefficients);
    grid.first = first;
    grid.last = view[0].len / (Py_ssize_t)sizeof(double) - 1;
    grid.slope = view[1].buf;
    grid.erf = view[0].buf;
    Py_RETURN_NONE;
}
