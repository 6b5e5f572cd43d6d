#pragma once

#include <stddef.h>

/* Runs fn(&var) when var leaves scope, on every path out: that is its use, also of a lock's holder. */
#define DEFER(fn) __attribute__((cleanup(fn), unused))

/* Moves a pointer out of a DEFERed variable, so that only the new owner frees it. */
#define TAKE(ptr)                                  \
    __extension__({                                \
        __typeof__(ptr) *take_from_ = &(ptr);      \
        __typeof__(ptr) take_value_ = *take_from_; \
        *take_from_ = NULL;                        \
        take_value_;                               \
    })

/* static inline void name_at(type **p): the form that DEFER wants, for a free function. */
#define DEFINE_FREE_AT(type, free_fn)                        \
    /* NOLINTNEXTLINE(bugprone-macro-parentheses): a type */ \
    static inline void free_fn##_at(type **resource)         \
    {                                                        \
        free_fn(*resource);                                  \
        *resource = NULL;                                    \
    }

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))
