/* The loops of bundle.c for one type of number, T; LOOP and MOVE are what its functions are called. */

#define ROW(m) (at[m] + k * o->step[2][m])
#define NUMBER(m) (*(T *)(ROW(m) + i * o->step[3][m]))
#define ADJACENT(m) (o->step[3][m] == sizeof(T))
#define REPEATED(m) (o->step[3][m] == 0)
#define EACH_ROW for (Py_ssize_t k = 0; k < rows; k++)
#define EACH for (Py_ssize_t i = 0; i < n; i++)

/* Where numbers are adjacent, or one of them is repeated, the compiler computes several at once. */
#define UNARY(NAME, FORMULA) \
    case NAME: \
        if (ADJACENT(1) && ADJACENT(0)) \
            EACH_ROW { \
                T *out = (T *)ROW(1); \
                const T *first = (T *)ROW(0); \
                INDEPENDENT EACH { const T x = first[i]; out[i] = FORMULA; } \
            } \
        else \
            EACH_ROW EACH { const T x = NUMBER(0); NUMBER(1) = FORMULA; } \
        break;

#define BINARY(NAME, FORMULA) \
    case NAME: \
        if (ADJACENT(2) && ADJACENT(1) && ADJACENT(0)) \
            EACH_ROW { \
                T *out = (T *)ROW(2); \
                const T *first = (T *)ROW(0), *second = (T *)ROW(1); \
                INDEPENDENT EACH { const T x = first[i], y = second[i]; out[i] = FORMULA; } \
            } \
        else if (ADJACENT(2) && ADJACENT(1) && REPEATED(0)) \
            EACH_ROW { \
                T *out = (T *)ROW(2); \
                const T x = *(T *)ROW(0), *second = (T *)ROW(1); \
                INDEPENDENT EACH { const T y = second[i]; out[i] = FORMULA; } \
            } \
        else if (ADJACENT(2) && REPEATED(1) && ADJACENT(0)) \
            EACH_ROW { \
                T *out = (T *)ROW(2); \
                const T *first = (T *)ROW(0), y = *(T *)ROW(1); \
                INDEPENDENT EACH { const T x = first[i]; out[i] = FORMULA; } \
            } \
        else \
            EACH_ROW EACH { const T x = NUMBER(0), y = NUMBER(1); NUMBER(2) = FORMULA; } \
        break;

/* The sum of n terms in four parts, which do not wait for each other. */
#define TOTAL(RESULT, TERM) \
    EACH_ROW { \
        T a = 0, b = 0, c = 0, d = 0; \
        Py_ssize_t i = 0; \
        for (; i + 3 < n; i += 4) \
            a += TERM(0), b += TERM(1), c += TERM(2), d += TERM(3); \
        for (; i < n; i++) \
            a += TERM(0); \
        *(T *)ROW(RESULT) += (a + b) + (c + d); \
    }
#define FURTHER(m, j) (*(T *)(ROW(m) + (i + (j)) * o->step[3][m]))
#define ALONE(j) FURTHER(0, j)
#define PAIR(j) (FURTHER(0, j) * FURTHER(1, j))

/* Axes 2 and 3 of an operation, from where the operands begin there. */
CLONES static void LOOP(const Operation *o, char *const *at)
{
    const Py_ssize_t rows = o->shape[2], n = o->shape[3];
    switch (o->code) {
        UNARY(COPY, x)
        UNARY(NEGATIVE, -x)
        UNARY(ABSOLUTE, (T)fabs(x))
        UNARY(SQUARE, x * x)
        UNARY(RECIPROCAL, 1 / x)
        UNARY(SIGN, x > 0 ? 1 : x < 0 ? -1 : x == 0 ? 0 : x)
        UNARY(STEP, x >= 0 ? 1 : x < 0 ? 0 : x)
        BINARY(ADD, x + y)
        BINARY(SUBTRACT, x - y)
        BINARY(MULTIPLY, x * y)
        BINARY(DIVIDE, x / y)
        BINARY(MAXIMUM, x >= y || x != x ? x : y)
        BINARY(MINIMUM, x <= y || x != x ? x : y)
        BINARY(LESS, x < y)
        BINARY(LESS_EQUAL, x <= y)
        BINARY(EQUAL, x == y)
    case WHERE:
        EACH_ROW EACH NUMBER(3) = NUMBER(0) != 0 ? NUMBER(1) : NUMBER(2);
        break;
    case SUM:
        if (REPEATED(1))
            TOTAL(1, ALONE)
        else if (ADJACENT(1) && ADJACENT(0))
            EACH_ROW {
                T *out = (T *)ROW(1);
                const T *x = (T *)ROW(0);
                INDEPENDENT EACH out[i] += x[i];
            }
        else
            EACH_ROW EACH NUMBER(1) += NUMBER(0);
        break;
    case HIGHEST:
        EACH_ROW EACH {
            const T x = NUMBER(0), y = NUMBER(1);
            NUMBER(1) = x >= y || x != x ? x : y;
        }
        break;
    case PRODUCT:
        if (REPEATED(2))
            TOTAL(2, PAIR)
        else if (ADJACENT(2) && ADJACENT(1) && REPEATED(0))
            EACH_ROW {
                T *out = (T *)ROW(2);
                const T x = *(T *)ROW(0), *y = (T *)ROW(1);
                INDEPENDENT EACH out[i] += x * y[i];
            }
        else
            EACH_ROW EACH NUMBER(2) += NUMBER(0) * NUMBER(1);
        break;
    }
}

/* The same where rows have places: they are copied or summed. */
#define SOURCE ((const T *)(at[0] + (o->from ? o->from[k] : k) * o->step[2][0]))
#define TARGET ((T *)(at[1] + (o->to ? o->to[k] : k) * o->step[2][1]))

CLONES static void MOVE(const Operation *o, char *const *at)
{
    const Py_ssize_t rows = o->shape[2], n = o->shape[3];
    const Py_ssize_t near = o->step[3][0] / (Py_ssize_t)sizeof(T), far = o->step[3][1] / (Py_ssize_t)sizeof(T);
    const int adjacent = near == 1 && far == 1;
    if (n == 1 && o->code == COPY)
        EACH_ROW *TARGET = *SOURCE;
    else if (n == 1)
        EACH_ROW *TARGET += *SOURCE;
    else
        EACH_ROW {
            const T *x = SOURCE;
            T *out = TARGET;
            if (o->code == COPY && adjacent)
                INDEPENDENT EACH out[i] = x[i];
            else if (o->code == COPY)
                EACH out[i * far] = x[i * near];
            else if (adjacent)
                INDEPENDENT EACH out[i] += x[i];
            else
                EACH out[i * far] += x[i * near];
        }
}

#undef ROW
#undef NUMBER
#undef ADJACENT
#undef REPEATED
#undef EACH_ROW
#undef EACH
#undef UNARY
#undef BINARY
#undef TOTAL
#undef FURTHER
#undef ALONE
#undef PAIR
#undef SOURCE
#undef TARGET
#undef T
#undef LOOP
#undef MOVE
