/* descend(w, g, rate, result, copy): a step along the negative gradient, each vector read or written once.

   result = w - rate g, in float64; copy gets it, too, if it is not None. Gradient and copy may be of float32, which NumPy
   would convert in passes of their own. The sum of the squares, which is returned, tells whether all are finite.
   The result may be w, but overlap with nothing else. */

#define BLOCK 1024 /* numbers, which stay in the first cache until they are copied */
#define LANES 16   /* sums that do not wait for each other */

#define STEP_OF(NAME, GRADIENT) \
    CLONES static void NAME(const double *w, const GRADIENT *g, double rate, double *result, Py_ssize_t n) \
    { \
        INDEPENDENT for (Py_ssize_t i = 0; i < n; i++) result[i] = w[i] - rate * g[i]; \
    }
STEP_OF(step_by_double, double)
STEP_OF(step_by_float, float)

CLONES static double squares(const double *x, Py_ssize_t n)
{
    double part[LANES] = {0}, total = 0;
    Py_ssize_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            part[k] += x[i + k] * x[i + k];
    for (; i < n; i++)
        part[0] += x[i] * x[i];
    for (int k = 0; k < LANES; k++)
        total += part[k];
    return total;
}

CLONES static void narrow(const double *from, float *to, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++)
        to[i] = (float)from[i];
}

static double descend_by_blocks(const Py_buffer *view, double rate, Py_ssize_t n, int copies)
{
    double total = 0;
    const int single = view[1].itemsize == sizeof(float);
    for (Py_ssize_t start = 0; start < n; start += BLOCK) {
        const Py_ssize_t count = n - start < BLOCK ? n - start : BLOCK;
        const double *w = (double *)view[0].buf + start;
        double *result = (double *)view[2].buf + start;
        if (single)
            step_by_float(w, (float *)view[1].buf + start, rate, result, count);
        else
            step_by_double(w, (double *)view[1].buf + start, rate, result, count);
        total += squares(result, count);
        if (copies && view[3].itemsize == sizeof(float))
            narrow(result, (float *)view[3].buf + start, count);
        else if (copies)
            memcpy((double *)view[3].buf + start, result, count * sizeof(double));
    }
    return total;
}

static PyObject *descend(PyObject *module, PyObject *const *given, Py_ssize_t count)
{
    static const char *const types[] = {"d", "df", "d", "df"};
    Py_buffer view[4];
    int vectors = 0;
    if (count != 5)
        return PyErr_Format(PyExc_TypeError, "descend() takes 5 arguments, but got %zd", count);
    const int wanted = given[4] == Py_None ? 3 : 4;
    const double rate = PyFloat_AsDouble(given[2]);
    if (rate == -1.0 && PyErr_Occurred())
        return NULL;
    for (; vectors < wanted; vectors++) {
        Py_buffer *each = &view[vectors];
        const int flags = PyBUF_FORMAT | (vectors < 2 ? PyBUF_CONTIG_RO : PyBUF_CONTIG);
        if (PyObject_GetBuffer(given[vectors < 2 ? vectors : vectors + 1], each, flags) < 0)
            break;
        if (each->ndim != 1 || each->shape[0] != view->shape[0] || strlen(each->format) != 1
            || strchr(types[vectors], *each->format) == NULL) {
            PyErr_SetString(PyExc_ValueError, "descend() takes vectors of one length, of float64 but for gradient and copy");
            PyBuffer_Release(each);
            break;
        }
    }
    PyObject *found = NULL;
    if (vectors == wanted)
        found = PyFloat_FromDouble(descend_by_blocks(view, rate, view->shape[0], wanted == 4));
    while (vectors > 0)
        PyBuffer_Release(&view[--vectors]);
    return found;
}
