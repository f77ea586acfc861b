/* The memory of nodes: freeing deep graphs without recursion, without the cyclic garbage collector, and keeping
   the memory of one graph for the next.

   Nodes cannot form cycles, so they are invisible to the collector (mypyc's acyclic=True). But the deallocator
   that mypyc writes still calls CPython's trashcan, which bounds the recursion of deallocators by writing into
   the header that only the collector's objects have: in front of a node there is none, and memory is corrupted.

   This header is included before the generated C, and gives it a trashcan of its own: a node that is freed at
   great depth is put on a list, which the outermost deallocation empties. The interpreter's lock protects it. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define CHAINRULE_DEEPEST 32

static int chainrule_depth = 0;
static PyObject **chainrule_waiting = NULL;
static Py_ssize_t chainrule_count = 0, chainrule_room = 0;

static int chainrule_put_off(PyObject *node)
{
    if (chainrule_count == chainrule_room) {
        Py_ssize_t room = chainrule_room ? 2 * chainrule_room : 64;
        PyObject **grown = (PyObject **)PyMem_RawRealloc(chainrule_waiting, room * sizeof(PyObject *));
        if (grown == NULL)
            return 0; /* out of memory: recursion is the better risk */
        chainrule_waiting = grown;
        chainrule_room = room;
    }
    chainrule_waiting[chainrule_count++] = node;
    return 1;
}

static void chainrule_empty(void)
{
    chainrule_depth = 1; /* so that none of the following empties the list in turn */
    while (chainrule_count > 0) {
        PyObject *node = chainrule_waiting[--chainrule_count];
        Py_TYPE(node)->tp_dealloc(node);
    }
    chainrule_depth = 0;
}

#undef Py_TRASHCAN_BEGIN
#undef Py_TRASHCAN_END
#define Py_TRASHCAN_BEGIN(node, dealloc) \
    if (chainrule_depth < CHAINRULE_DEEPEST || !chainrule_put_off((PyObject *)(node))) { \
        chainrule_depth++;
#define Py_TRASHCAN_END \
        if (--chainrule_depth == 0 && chainrule_count > 0) \
            chainrule_empty(); \
    }

/* A training loop builds a graph and frees it again in every step. Its memory is kept for the next step: to hand
   it back to the system, and to be given the same pages again, cleared, takes a tenth of the time. Python has a
   hook for this, for its small objects as a whole; where they are not kept in arenas of this size, nothing changes.
   Interpreters with a lock of their own share the hook: so the places are exchanged atomically. */

#ifdef __GNUC__
#define CHAINRULE_KEPT 32
#define CHAINRULE_ARENA ((size_t)1 << 20)

static PyObjectArenaAllocator chainrule_system;
static void *chainrule_kept[CHAINRULE_KEPT];

static void *chainrule_new_arena(void *context, size_t size)
{
    for (int k = 0; k < CHAINRULE_KEPT && size == CHAINRULE_ARENA; k++) {
        void *arena = __atomic_exchange_n(&chainrule_kept[k], NULL, __ATOMIC_ACQ_REL);
        if (arena != NULL)
            return arena;
    }
    return chainrule_system.alloc(chainrule_system.ctx, size);
}

static void chainrule_free_arena(void *context, void *arena, size_t size)
{
    for (int k = 0; k < CHAINRULE_KEPT && size == CHAINRULE_ARENA; k++) {
        void *empty = NULL;
        if (__atomic_compare_exchange_n(&chainrule_kept[k], &empty, arena, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            return;
    }
    chainrule_system.free(chainrule_system.ctx, arena, size);
}

__attribute__((constructor)) static void chainrule_keep_arenas(void)
{
    PyObjectArenaAllocator keeping = {NULL, chainrule_new_arena, chainrule_free_arena};
    PyObject_GetArenaAllocator(&chainrule_system);
    PyObject_SetArenaAllocator(&keeping);
}
#endif
