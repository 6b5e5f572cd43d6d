#pragma once

/*
 * Assertions are for our own mistakes only and stay on in every build; whatever comes from outside
 * is checked and answered with a status. One condition per ASSERT.
 */

__attribute__((noreturn, cold)) void assert_fail(const char *what, const char *file, int line);

#define ASSERT(cond)                                \
    do {                                            \
        if (__builtin_expect(!(cond), 0)) {         \
            assert_fail(#cond, __FILE__, __LINE__); \
        }                                           \
    } while (0)

#define UNREACHABLE(what) assert_fail("unreachable: " what, __FILE__, __LINE__)
