/* Elementwise operations on long rows, all of a chunk in one call and without the interpreter's lock.

   A Sweep knows its operations by the numbers of the rows that they read and write; the rows come with each call. The
   first ones are the caller's, vectors of one length. Of the others, some are arrays without an axis, whose number is
   repeated, and some registers, as long as a chunk. Each operation reads what the one before has left in the cache, and
   several threads sweep over parts of the same arrays at the same time. */

typedef struct {
    int code, operands;
    PyUFuncGenericFunction loop; /* if it is not NULL: instead of the code */
    void *data;
    Py_ssize_t row[OPERANDS];
} Part;

typedef struct {
    PyObject_HEAD
    Py_ssize_t count, rows, callers;
    int single;
    Part *part;
    char *written;        /* of each row, whether it is */
    char *of_vectors;     /* and whether a loop takes it for a vector without looking */
    PyObject *operations; /* keeps the functions alive */
} Sweep;

static int prepare_part(Sweep *sweep, Part *part, PyObject *function, PyObject *rows)
{
    const PyUFuncObject *numpy = as_function(function);
    int operands;
    if (numpy != NULL) {
        operands = numpy->nargs;
        if (numpy->core_enabled || numpy->nout != 1 || operands > OPERANDS
            || !find_loop(numpy, sweep->single, &part->loop, &part->data))
            return refuse("NumPy has no loop for it");
    }
    else if (PyUnicode_Check(function) && PyUnicode_CompareWithASCIIString(function, sweep->single ? "erf_argument" : "erf") == 0) {
        if (grid.erf == NULL)
            return refuse("erf has no table yet");
        operands = 2;
        part->loop = sweep->single ? erf_argument_loop : erf_loop;
    }
    else {
        part->code = find_code(function);
        if (part->code == CODES)
            return refuse("its name is unknown");
        operands = CODE[part->code].operands;
    }
    part->operands = (int)PyTuple_GET_SIZE(rows);
    if (part->operands != operands)
        return refuse("it has another number of operands");
    for (int m = 0; m < part->operands; m++) {
        part->row[m] = PyLong_AsSsize_t(PyTuple_GET_ITEM(rows, m));
        if (part->row[m] == -1 && PyErr_Occurred())
            return -1;
        if (part->row[m] < 0 || part->row[m] >= sweep->rows)
            return refuse("there is no such row");
    }
    sweep->written[part->row[part->operands - 1]] = 1;
    if (part->loop == erf_loop || part->loop == erf_argument_loop)
        sweep->of_vectors[part->row[0]] = sweep->of_vectors[part->row[1]] = 1;
    return 0;
}

static PyObject *sweep_new(PyTypeObject *type, PyObject *arguments, PyObject *names)
{
    static char *known[] = {"", "", "", "", NULL};
    PyObject *operations;
    Py_ssize_t rows, callers;
    int single;
    if (!PyArg_ParseTupleAndKeywords(arguments, names, "O!nnp:Sweep", known, &PyList_Type, &operations, &rows, &callers,
                                     &single))
        return NULL;
    Sweep *sweep = (Sweep *)type->tp_alloc(type, 0);
    if (sweep == NULL)
        return NULL;
    const Py_ssize_t count = PyList_GET_SIZE(operations);
    sweep->rows = rows;
    sweep->callers = callers;
    sweep->single = single;
    sweep->part = PyMem_Calloc(count, sizeof(Part));
    sweep->written = PyMem_Calloc(rows, 1);
    sweep->of_vectors = PyMem_Calloc(rows, 1);
    sweep->operations = PyList_AsTuple(operations);
    if (sweep->part == NULL || sweep->written == NULL || sweep->of_vectors == NULL || sweep->operations == NULL) {
        Py_DECREF(sweep);
        return PyErr_NoMemory();
    }
    for (; sweep->count < count; sweep->count++) {
        PyObject *function, *places;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(operations, sweep->count), "OO!", &function, &PyTuple_Type, &places)
            || prepare_part(sweep, &sweep->part[sweep->count], function, places) < 0) {
            Py_DECREF(sweep);
            return NULL;
        }
    }
    return (PyObject *)sweep;
}

static void sweep_dealloc(PyObject *self)
{
    Sweep *sweep = (Sweep *)self;
    PyMem_Free(sweep->part);
    PyMem_Free(sweep->written);
    PyMem_Free(sweep->of_vectors);
    Py_XDECREF(sweep->operations);
    Py_TYPE(self)->tp_free(self);
}

/* Numbers first to first + n of the caller's rows; registers have room for n. */
static void run_parts(const Sweep *sweep, const Py_buffer *view, npy_intp first, npy_intp n)
{
    const npy_intp size = sweep->single ? sizeof(float) : sizeof(double);
    for (const Part *part = sweep->part; part < sweep->part + sweep->count; part++) {
        char *at[OPERANDS];
        npy_intp step[OPERANDS];
        for (int m = 0; m < part->operands; m++) {
            const Py_ssize_t row = part->row[m];
            at[m] = (char *)view[row].buf + (row < sweep->callers ? first * size : 0);
            step[m] = view[row].ndim ? size : 0;
        }
        if (part->loop != NULL) {
            part->loop(at, &n, step, part->data);
            continue;
        }
        Operation o = {.code = part->code, .operands = part->operands, .single = sweep->single, .shape = {1, 1, 1, n}};
        memcpy(o.step[3], step, sizeof step);
        (sweep->single ? loop_float : loop_double)(&o, at);
    }
}

/* Looks at the rows of a call: as many as there are to be, and each of the length that it has to have. */
static int look_at_rows(const Sweep *sweep, PyObject *rows, Py_buffer *view, Py_ssize_t *views, npy_intp *n, npy_intp *chunk)
{
    for (; *views < sweep->rows; ++*views) {
        Py_buffer *each = &view[*views];
        npy_intp *length = *views < sweep->callers ? n : chunk;
        const int flags = PyBUF_FORMAT | (sweep->written[*views] ? PyBUF_CONTIG : PyBUF_CONTIG_RO);
        if (PyObject_GetBuffer(PyList_GET_ITEM(rows, *views), each, flags) < 0)
            return -1;
        if (each->ndim == 1 && *length < 0)
            *length = each->shape[0];
        const int fits = each->ndim == 1 ? each->shape[0] == *length && (*views < sweep->callers || *length > 0)
                                         : each->ndim == 0 && *views >= sweep->callers;
        if (!fits || strcmp(each->format, sweep->single ? "f" : "d") != 0
            || (each->ndim == 0 && sweep->of_vectors[*views])) {
            PyErr_Format(PyExc_ValueError, "row %zd has another shape or type than the sweep's", *views);
            PyBuffer_Release(each);
            return -1;
        }
    }
    return 0;
}

static PyObject *sweep_call(PyObject *self, PyObject *arguments, PyObject *names)
{
    const Sweep *sweep = (Sweep *)self;
    PyObject *rows;
    Py_ssize_t views = 0;
    npy_intp n = -1, chunk = -1;
    if (!PyArg_ParseTuple(arguments, "O!:Sweep", &PyList_Type, &rows))
        return NULL;
    if (PyList_GET_SIZE(rows) != sweep->rows)
        return PyErr_Format(PyExc_ValueError, "a sweep over %zd rows got %zd", sweep->rows, PyList_GET_SIZE(rows));
    Py_buffer *view = PyMem_Calloc(sweep->rows, sizeof(Py_buffer));
    if (view == NULL)
        return PyErr_NoMemory();
    const int failed = look_at_rows(sweep, rows, view, &views, &n, &chunk);
    if (!failed) {
        if (chunk < 0) /* there is no register */
            chunk = n;
        Py_BEGIN_ALLOW_THREADS
        for (npy_intp first = 0; first < n; first += chunk)
            run_parts(sweep, view, first, n - first < chunk ? n - first : chunk);
        Py_END_ALLOW_THREADS
    }
    while (views > 0)
        PyBuffer_Release(&view[--views]);
    PyMem_Free(view);
    return failed || PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

static PyTypeObject SweepType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "engine.batching.bundle.Sweep",
    .tp_doc = "Elementwise operations on rows that come with each call.",
    .tp_basicsize = sizeof(Sweep),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = sweep_new,
    .tp_dealloc = sweep_dealloc,
    .tp_call = sweep_call,
};
