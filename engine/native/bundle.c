/* Small operations on arrays, several in one call: the module engine.batching.bundle of a compiled install.

   A NumPy function takes half a microsecond before it computes the first number, and the plan of a small batch is
   made of a hundred of them. A Bundle looks at its arrays once, when it is made; called, it only computes.

   Some operands are part of what is given to a run. They were bound to arrays that stood in for it, in a list; each call
   looks where the arrays are that the list holds by then, and reads from there.

   Its caller, bundles.py, sees to it that the result overlaps with no operand, or is the very same view of it. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#include <numpy/ndarrayobject.h>
#include <numpy/ufuncobject.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LONG 20000 /* numbers; from there on other threads may run meanwhile */
#define ALIGNMENT offsetof(struct { char before; double number; }, number)

#include "operation.h"

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    Py_ssize_t count, views, numbers;
    Operation *operations;
    Py_buffer *view; /* of all arrays, which so stay where they are */
    PyObject *list;  /* of the operations, as they were given */
    PyObject *given; /* the list in which each run has arrays of its own, */
    Py_ssize_t spaces;
    Py_buffer *stand_in, *now;
    Py_ssize_t *shift; /* and how far these are from those of the beginning, in bytes; 0 for all others */
} Bundle;

/* --- running --- */

/* Looks where the arrays of this run are; returns how many buffers there are to be released. */
static Py_ssize_t find_given(const Bundle *bundle, int *failed)
{
    Py_ssize_t k = 0;
    for (; k < bundle->spaces; k++) {
        const Py_buffer *before = &bundle->stand_in[k];
        Py_buffer *now = &bundle->now[k];
        PyObject *array = PyList_GetItem(bundle->given, k);
        if (array == NULL || PyObject_GetBuffer(array, now, PyBUF_CONTIG_RO | PyBUF_FORMAT) < 0)
            break;
        bundle->shift[k + 1] = (char *)now->buf - (char *)before->buf;
        if (now->len != before->len || strcmp(now->format, before->format) != 0
            || (uintptr_t)now->buf % ALIGNMENT % (size_t)now->itemsize != 0) {
            PyErr_Format(PyExc_ValueError, "array %zd of this run is not like the one for which it was bundled", k);
            PyBuffer_Release(now);
            break;
        }
    }
    *failed = k < bundle->spaces;
    return k;
}

static PyObject *bundle_call(PyObject *self, PyObject *const *arguments, size_t count, PyObject *names)
{
    const Bundle *bundle = (Bundle *)self;
    int failed;
    Py_ssize_t views = find_given(bundle, &failed);
    if (!failed) {
        PyThreadState *state = bundle->numbers > LONG ? PyEval_SaveThread() : NULL;
        for (const Operation *o = bundle->operations; o < bundle->operations + bundle->count; o++)
            run(o, bundle->shift);
        if (state != NULL)
            PyEval_RestoreThread(state);
    }
    while (views > 0)
        PyBuffer_Release(&bundle->now[--views]);
    return failed || PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

/* --- looking at the arrays --- */

static int refuse(const char *why)
{
    PyErr_Format(PyExc_ValueError, "this operation cannot be bundled: %s", why);
    return -1;
}

static Py_buffer *look(Bundle *bundle, PyObject *array, int flags)
{
    Py_buffer *view = &bundle->view[bundle->views];
    if (PyObject_GetBuffer(array, view, flags | PyBUF_STRIDES | PyBUF_FORMAT) < 0)
        return NULL;
    bundle->views++;
    return view;
}

static int read_places(Bundle *bundle, Operation *o, PyObject *array, Py_ssize_t rows, const int64_t **places)
{
    if (array == Py_None)
        return 0;
    const Py_buffer *view = look(bundle, array, 0);
    if (view == NULL)
        return -1;
    if (view->ndim != 1 || view->itemsize != 8 || view->strides[0] != 8 || !strchr("lq", *view->format))
        return refuse("places are a vector of int64");
    if ((o->shape[2] != 1 || o->from != NULL) && o->shape[2] != view->shape[0])
        return refuse("there is a place for each row");
    o->shape[2] = view->shape[0];
    *places = view->buf;
    for (Py_ssize_t k = 0; k < o->shape[2]; k++)
        if ((*places)[k] < 0 || (*places)[k] >= rows)
            return refuse("a place is outside of the array");
    return 0;
}

/* Leaves out axes of length 1, makes one of two that all operands step through as if they were one, and sees to it
   that the innermost loop is not a very short one. */
static void simplify(Operation *o)
{
    int last = AXES - 1;
    for (int axis = last - 1; axis >= 0; axis--) {
        const Py_ssize_t size = o->shape[axis];
        int together = 1;
        for (int m = 0; m < o->operands; m++)
            together = together && o->step[axis][m] == o->shape[last] * o->step[last][m];
        if (size == 1)
            continue;
        if (together)
            o->shape[last] *= size;
        else {
            last -= o->shape[last] != 1;
            o->shape[last] = size;
            memmove(o->step[last], o->step[axis], sizeof o->step[last]);
        }
    }
    for (int axis = 0; axis < last; axis++)
        o->shape[axis] = 1;
    if (o->shape[3] < SHORT && o->shape[3] < o->shape[2]) {
        const Py_ssize_t size = o->shape[3];
        Py_ssize_t step[OPERANDS];
        memcpy(step, o->step[3], sizeof step);
        memcpy(o->step[3], o->step[2], sizeof step);
        memcpy(o->step[2], step, sizeof step);
        o->shape[3] = o->shape[2];
        o->shape[2] = size;
    }
}

static int prepare(Bundle *bundle, Operation *o, PyObject *name, PyObject *arrays, PyObject *from, PyObject *to)
{
    Py_ssize_t rows[OPERANDS] = {1, 1, 1, 1}, written[AXES] = {1, 1, 1, 1};
    const PyUFuncObject *function = as_function(name);
    if (function == NULL) {
        o->code = find_code(name);
        if (o->code == CODES)
            return refuse("its name is unknown");
        o->operands = CODE[o->code].operands;
    }
    else {
        o->code = strcmp(function->name, "matmul") == 0 ? MATMUL : NUMPY;
        o->operands = function->nargs;
        if (function->core_enabled != (o->code == MATMUL) || function->nout != 1 || o->operands > OPERANDS)
            return refuse("it is neither elementwise nor a matrix product");
    }
    if (PyTuple_GET_SIZE(arrays) != o->operands)
        return refuse("it has another number of operands");
    for (int axis = 0; axis < AXES; axis++)
        o->shape[axis] = 1;
    for (int m = 0; m < o->operands; m++) {
        const int is_result = m == o->operands - 1;
        const int by_place = (m == 0 && from != Py_None) || (is_result && to != Py_None);
        const Py_buffer *view = look(bundle, PyTuple_GET_ITEM(arrays, m), is_result ? PyBUF_WRITABLE : 0);
        if (view == NULL)
            return -1;
        const int single = strcmp(view->format, "f") == 0;
        if (view->ndim > AXES || (!single && strcmp(view->format, "d") != 0) || (m > 0 && single != o->single))
            return refuse("operands have at most four axes, of float64 or of float32");
        o->single = single;
        o->at[m] = view->buf;
        for (Py_ssize_t k = 0; k < bundle->spaces; k++) {
            const char *first = bundle->stand_in[k].buf;
            if (o->at[m] >= first && o->at[m] < first + bundle->stand_in[k].len)
                o->space[m] = k + 1;
        }
        if (is_result && o->space[m] != 0)
            return refuse("what is given to a run is not written");
        for (int k = 0; k < view->ndim; k++) {
            const int axis = AXES - view->ndim + k;
            const Py_ssize_t size = view->shape[k];
            if (size == 1)
                continue;
            o->step[axis][m] = view->strides[k];
            written[axis] = is_result ? size : 1;
            if (by_place && axis == 2)
                rows[m] = size;
            else if (o->shape[axis] != 1 && o->shape[axis] != size)
                return refuse("the shapes do not fit");
            else
                o->shape[axis] = size;
        }
    }
    for (int axis = 0; axis < AXES; axis++) {
        const int adds_up = o->code == SUM || o->code == HIGHEST || o->code == PRODUCT || (o->code == MATMUL && axis == 2);
        if (o->shape[axis] != written[axis] && !adds_up && !(to != Py_None && axis == 2))
            return refuse("its result is narrower than its operands");
    }
    if (function != NULL && !find_loop(function, o->single, &o->loop, &o->data))
        return refuse("NumPy has no loop for it");
    if (from == Py_None && to == Py_None) {
        if (o->code != MATMUL)
            simplify(o);
        return 0;
    }
    if ((o->code != COPY && o->code != SUM) || o->shape[0] != 1 || o->shape[1] != 1)
        return refuse("places are for rows that are copied or summed");
    if (read_places(bundle, o, from, rows[0], &o->from) < 0)
        return -1;
    return read_places(bundle, o, to, rows[1], &o->to);
}

static int take_given(Bundle *bundle, PyObject *given)
{
    const Py_ssize_t count = given == NULL ? 0 : PyList_GET_SIZE(given);
    bundle->given = Py_XNewRef(given);
    bundle->stand_in = PyMem_Calloc(count, sizeof(Py_buffer));
    bundle->now = PyMem_Calloc(count, sizeof(Py_buffer));
    bundle->shift = PyMem_Calloc(count + 1, sizeof(Py_ssize_t));
    if (bundle->stand_in == NULL || bundle->now == NULL || bundle->shift == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (; bundle->spaces < count; bundle->spaces++)
        if (PyObject_GetBuffer(PyList_GET_ITEM(given, bundle->spaces), &bundle->stand_in[bundle->spaces],
                               PyBUF_CONTIG_RO | PyBUF_FORMAT) < 0)
            return -1;
    return 0;
}

static PyObject *bundle_new(PyTypeObject *type, PyObject *arguments, PyObject *names)
{
    static char *known[] = {"", "", NULL};
    PyObject *operations, *given = NULL;
    if (!PyArg_ParseTupleAndKeywords(arguments, names, "O!|O!:Bundle", known, &PyList_Type, &operations, &PyList_Type, &given))
        return NULL;
    Bundle *bundle = (Bundle *)type->tp_alloc(type, 0);
    if (bundle == NULL)
        return NULL;
    const Py_ssize_t count = PyList_GET_SIZE(operations);
    bundle->call = bundle_call;
    bundle->list = PyList_AsTuple(operations);
    bundle->operations = PyMem_Calloc(count, sizeof(Operation));
    bundle->view = PyMem_Calloc(count * (OPERANDS + 2), sizeof(Py_buffer));
    if (bundle->list == NULL || bundle->operations == NULL || bundle->view == NULL) {
        Py_DECREF(bundle);
        return PyErr_NoMemory();
    }
    if (take_given(bundle, given) < 0) {
        Py_DECREF(bundle);
        return NULL;
    }
    for (; bundle->count < count; bundle->count++) {
        PyObject *operation = PyList_GET_ITEM(operations, bundle->count), *name, *arrays, *from = Py_None, *to = Py_None;
        Operation *o = &bundle->operations[bundle->count];
        if (!PyArg_ParseTuple(operation, "OO!|OO", &name, &PyTuple_Type, &arrays, &from, &to)
            || prepare(bundle, o, name, arrays, from, to) < 0) {
            Py_DECREF(bundle);
            return NULL;
        }
        bundle->numbers += o->shape[0] * o->shape[1] * o->shape[2] * o->shape[3];
    }
    return (PyObject *)bundle;
}

static void bundle_dealloc(PyObject *self)
{
    Bundle *bundle = (Bundle *)self;
    for (Py_ssize_t k = 0; k < bundle->views; k++)
        PyBuffer_Release(&bundle->view[k]);
    for (Py_ssize_t k = 0; k < bundle->spaces; k++)
        PyBuffer_Release(&bundle->stand_in[k]);
    Py_XDECREF(bundle->given);
    Py_XDECREF(bundle->list);
    PyMem_Free(bundle->view);
    PyMem_Free(bundle->stand_in);
    PyMem_Free(bundle->now);
    PyMem_Free(bundle->shift);
    PyMem_Free(bundle->operations);
    Py_TYPE(self)->tp_free(self);
}

/* --- the module --- */

#include "descend.h"
#include "erf.h"
#include "sweep.h"

static PyMemberDef members[] = {{"operations", T_OBJECT_EX, offsetof(Bundle, list), READONLY, NULL}, {0}};

static PyTypeObject BundleType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "engine.batching.bundle.Bundle",
    .tp_doc = "Operations on arrays, computed one after the other by a call without arguments.",
    .tp_basicsize = sizeof(Bundle),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_new = bundle_new,
    .tp_dealloc = bundle_dealloc,
    .tp_vectorcall_offset = offsetof(Bundle, call),
    .tp_call = PyVectorcall_Call,
    .tp_members = members,
};

static PyMethodDef functions[] = {
    {"descend", (PyCFunction)(void (*)(void))descend, METH_FASTCALL, NULL},
    {"tabulate", tabulate, METH_VARARGS, NULL},
    {0},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "bundle", NULL, -1, functions, NULL, NULL, NULL, NULL};

/* That NumPy is one whose functions look as those for which this was compiled, and what their type is. */
static int look_at_numpy(void)
{
    PyObject *numpy = PyImport_ImportModule("numpy");
    if (numpy == NULL || _import_array() < 0) {
        Py_XDECREF(numpy);
        return -1;
    }
    ufunc_type = (PyTypeObject *)PyObject_GetAttrString(numpy, "ufunc");
    Py_DECREF(numpy);
    return ufunc_type == NULL ? -1 : 0;
}

PyMODINIT_FUNC PyInit_bundle(void)
{
    if (look_at_numpy() < 0)
        return NULL;
    if (PyType_Ready(&BundleType) < 0 || PyType_Ready(&SweepType) < 0)
        return NULL;
    PyObject *module = PyModule_Create(&definition);
    if (module != NULL && PyModule_AddObjectRef(module, "Bundle", (PyObject *)&BundleType) < 0)
        Py_CLEAR(module);
    if (module != NULL && PyModule_AddObjectRef(module, "Sweep", (PyObject *)&SweepType) < 0)
        Py_CLEAR(module);
    return module;
}
