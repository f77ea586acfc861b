/* One operation on arrays.

   Every operation is a formula over an index space of up to four axes. The operands are broadcast to it: an axis of
   length 1 is stepped through in steps of 0 bytes. For "sum", "highest" and "product" that holds of the result, too:
   what meets in one place is added up there, or the larger of the two. So a reduction is an operation whose result
   is narrower than its operands, and a matrix product is "product" of (m, k, 1) and (1, k, n) into (m, 1, n). */

#define AXES 4
#define OPERANDS 4   /* at most; the last one is the result */
#define SHORT 8      /* numbers, in a row that takes longer to begin than to compute */

enum {
    COPY, NEGATIVE, ABSOLUTE, SQUARE, RECIPROCAL, SIGN, STEP, ADD, SUBTRACT, MULTIPLY, DIVIDE, MAXIMUM, MINIMUM, LESS,
    LESS_EQUAL, EQUAL, WHERE, SUM, HIGHEST, PRODUCT, CODES,
    NUMPY, MATMUL /* by a loop of NumPy's */
};
static const struct { const char *name; int operands; } CODE[CODES] = {
    {"copy", 2}, {"negative", 2}, {"absolute", 2}, {"square", 2}, {"reciprocal", 2}, {"sign", 2}, {"step", 2},
    {"add", 3}, {"subtract", 3}, {"multiply", 3}, {"divide", 3}, {"maximum", 3}, {"minimum", 3}, {"less", 3},
    {"less_equal", 3}, {"equal", 3}, {"where", 4}, {"sum", 2}, {"highest", 2}, {"product", 3},
};

/* A result may be the very same array as an operand: no number depends on one that is written before it. */
#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define INDEPENDENT _Pragma("GCC ivdep")
#elif defined(_MSC_VER)
#define INDEPENDENT __pragma(loop(ivdep))
#else
#define INDEPENDENT
#endif
/* A second version of a loop for processors with AVX2, where the loader can choose: half the time. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define CLONES __attribute__((target_clones("avx2", "default")))
#else
#define CLONES
#endif

typedef struct {
    int code, operands, single;      /* single: numbers of 4 bytes */
    PyUFuncGenericFunction loop;     /* of NumPy, if the code says so */
    void *data;
    Py_ssize_t shape[AXES];
    char *at[OPERANDS];
    Py_ssize_t space[OPERANDS];      /* 0, or 1 + the number of the given array that it is part of */
    Py_ssize_t step[AXES][OPERANDS]; /* in bytes */
    const int64_t *from, *to;        /* if not NULL: the places of rows of the first operand, and of the result */
} Operation;

#define T double
#define LOOP loop_double
#define MOVE move_double
#include "bundle_loops.h"
#define T float
#define LOOP loop_float
#define MOVE move_float
#include "bundle_loops.h"

#include "numpy_loops.h"

/* The code of an operation that has a name of our own. */
static int find_code(PyObject *name)
{
    int code = PyUnicode_Check(name) ? 0 : CODES;
    while (code < CODES && PyUnicode_CompareWithASCIIString(name, CODE[code].name) != 0)
        code++;
    return code;
}

static void run(const Operation *o, const Py_ssize_t *shift)
{
    char *first[OPERANDS], *at[OPERANDS];
    for (int m = 0; m < o->operands; m++)
        first[m] = o->at[m] + shift[o->space[m]];
    if (o->from || o->to)
        (o->single ? move_float : move_double)(o, first);
    else if (o->code == MATMUL)
        run_matmul(o, first);
    else
        for (Py_ssize_t i = 0; i < o->shape[0]; i++)
            for (Py_ssize_t j = 0; j < o->shape[1]; j++) {
                for (int m = 0; m < o->operands; m++)
                    at[m] = first[m] + i * o->step[0][m] + j * o->step[1][m];
                (o->code == NUMPY ? run_numpy : o->single ? loop_float : loop_double)(o, at);
            }
}
