/* The loops of bundle.c for one type of number; included once for each.
   T is the type, LOOP the function of all codes, MOVE the one of single numbers by place. */

#define NUMBER(k) (*(T *)(at[k] + i * step[k]))
#define ADJACENT(k) (step[k] == sizeof(T))
#define REPEATED(k) (step[k] == 0)
#define EACH for (Py_ssize_t i = 0; i < n; i++)

/* Where numbers are adjacent, or one of them is repeated, the compiler computes several at once. */
#define UNARY(CODE, FORMULA) \
    case CODE: \
        if (ADJACENT(1) && ADJACENT(0)) { \
            T *out = (T *)at[1]; \
            const T *first = (T *)at[0]; \
            INDEPENDENT EACH { const T x = first[i]; out[i] = FORMULA; } \
        } else \
            EACH { const T x = NUMBER(0); NUMBER(1) = FORMULA; } \
        break;

#define BINARY(CODE, FORMULA) \
    case CODE: \
        if (ADJACENT(2) && ADJACENT(1) && ADJACENT(0)) { \
            T *out = (T *)at[2]; \
            const T *first = (T *)at[0], *second = (T *)at[1]; \
            INDEPENDENT EACH { const T x = first[i], y = second[i]; out[i] = FORMULA; } \
        } else if (ADJACENT(2) && ADJACENT(1) && REPEATED(0)) { \
            T *out = (T *)at[2]; \
            const T x = *(T *)at[0], *second = (T *)at[1]; \
            INDEPENDENT EACH { const T y = second[i]; out[i] = FORMULA; } \
        } else if (ADJACENT(2) && REPEATED(1) && ADJACENT(0)) { \
            T *out = (T *)at[2]; \
            const T *first = (T *)at[0], y = *(T *)at[1]; \
            INDEPENDENT EACH { const T x = first[i]; out[i] = FORMULA; } \
        } else \
            EACH { const T x = NUMBER(0), y = NUMBER(1); NUMBER(2) = FORMULA; } \
        break;

/* The sum of n terms in four parts, which do not wait for each other. TERM(j) is the term j places further on. */
#define TOTAL(RESULT, TERM) { \
        T a = 0, b = 0, c = 0, d = 0; \
        Py_ssize_t i = 0; \
        for (; i + 3 < n; i += 4) \
            a += TERM(0), b += TERM(1), c += TERM(2), d += TERM(3); \
        for (; i < n; i++) \
            a += TERM(0); \
        *(T *)at[RESULT] += (a + b) + (c + d); \
    }
#define FURTHER(k, j) (*(T *)(at[k] + (i + (j)) * step[k]))
#define ALONE(j) FURTHER(0, j)
#define PAIR(j) (FURTHER(0, j) * FURTHER(1, j))

CLONES static void LOOP(int code, Py_ssize_t n, char *const *at, const Py_ssize_t *step)
{
    switch (code) {
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
        EACH NUMBER(3) = NUMBER(0) != 0 ? NUMBER(1) : NUMBER(2);
        break;
    case SUM:
        if (REPEATED(1))
            TOTAL(1, ALONE)
        else if (ADJACENT(1) && ADJACENT(0)) {
            T *out = (T *)at[1];
            const T *x = (T *)at[0];
            INDEPENDENT EACH out[i] += x[i];
        } else
            EACH NUMBER(1) += NUMBER(0);
        break;
    case HIGHEST:
        EACH {
            const T x = NUMBER(0), y = NUMBER(1);
            NUMBER(1) = x >= y || x != x ? x : y;
        }
        break;
    case PRODUCT:
        if (REPEATED(2))
            TOTAL(2, PAIR)
        else if (ADJACENT(2) && ADJACENT(1) && REPEATED(0)) {
            T *out = (T *)at[2];
            const T x = *(T *)at[0], *y = (T *)at[1];
            INDEPENDENT EACH out[i] += x * y[i];
        } else
            EACH NUMBER(2) += NUMBER(0) * NUMBER(1);
        break;
    }
}

static void MOVE(int code, Py_ssize_t count, const int64_t *from, const int64_t *to, char *const *at,
                 const Py_ssize_t *step)
{
    for (Py_ssize_t k = 0; k < count; k++) {
        const T x = *(T *)(at[0] + (from ? from[k] : k) * step[0]);
        T *out = (T *)(at[1] + (to ? to[k] : k) * step[1]);
        *out = code == COPY ? x : *out + x;
    }
}

#undef NUMBER
#undef ADJACENT
#undef REPEATED
#undef EACH
#undef UNARY
#undef BINARY
#undef TOTAL
#undef FURTHER
#undef ALONE
#undef PAIR
#undef T
#undef LOOP
#undef MOVE
