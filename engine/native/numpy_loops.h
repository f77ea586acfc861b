/* NumPy's own inner loops, which its C interface gives away (PyUFuncObject.functions): what they compute is what the
   function computes, but nobody looks at the arguments first, and nobody needs the interpreter's lock. */

static PyTypeObject *ufunc_type; /* numpy.ufunc */

/* The name of an operation may be a function of NumPy instead; NULL if it is not. */
static const PyUFuncObject *as_function(PyObject *name)
{
    return Py_IS_TYPE(name, ufunc_type) ? (PyUFuncObject *)name : NULL;
}

/* The inner loop for operands that are all of this type; NULL if there is none. */
static int find_loop(const PyUFuncObject *ufunc, int single, PyUFuncGenericFunction *loop, void **data)
{
    const char wanted = single ? NPY_FLOAT : NPY_DOUBLE;
    for (int k = 0; k < ufunc->ntypes; k++) {
        int fits = ufunc->functions != NULL && ufunc->functions[k] != NULL;
        for (int m = 0; m < ufunc->nargs; m++)
            fits = fits && ufunc->types[k * ufunc->nargs + m] == wanted;
        if (fits) {
            *loop = ufunc->functions[k];
            *data = ufunc->data == NULL ? NULL : (void *)ufunc->data[k];
            return 1;
        }
    }
    return 0;
}

/* NumPy's loop for an elementwise function takes one axis, and that for products all of them. */
static void run_numpy(const Operation *o, char *const *given)
{
    char *at[OPERANDS];
    npy_intp n = o->shape[3];
    for (Py_ssize_t k = 0; k < o->shape[2]; k++) {
        for (int m = 0; m < o->operands; m++)
            at[m] = given[m] + k * o->step[2][m];
        o->loop(at, &n, (npy_intp *)o->step[3], o->data);
    }
}

static void run_matmul(const Operation *o, char *const *given)
{
    char *at[] = {given[0], given[1], given[2]};
    npy_intp size[] = {o->shape[0], o->shape[1], o->shape[2], o->shape[3]};
    npy_intp step[] = {o->step[0][0], o->step[0][1], o->step[0][2], o->step[1][0], o->step[2][0],
                       o->step[2][1], o->step[3][1], o->step[1][2], o->step[3][2]};
    o->loop(at, size, step, o->data);
}
