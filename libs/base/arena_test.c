/* Bounds, alignment, zeroing, large blocks and reuse of the arena. */
#include "base/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"

static void the_maximum_is_exact(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, 64);
    assert_non_null(arena_alloc(&arena, 1, 48));
    assert_null(arena_alloc(&arena, 1, 17));
    assert_non_null(arena_alloc(&arena, 1, 16));
    assert_null(arena_alloc(&arena, 1, 1));
    assert_int_equal(arena.used_bytes, 64);
}

static void padding_counts(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, 2 * alignof(max_align_t));
    assert_non_null(arena_alloc(&arena, 1, 1));
    assert_non_null(arena_alloc(&arena, 1, 1));
    assert_null(arena_alloc(&arena, 1, 1));
}

static void a_product_that_overflows_is_refused(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, SIZE_MAX / 4);
    assert_null(arena_alloc(&arena, SIZE_MAX / 8 + 2, 8));
    assert_null(arena_alloc(&arena, 1, SIZE_MAX));
    assert_int_equal(arena.used_bytes, 0);
}

static void memory_is_zeroed_aligned_and_its_own(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)1024 * 1024);
    unsigned char *made[200];
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        size_t size = i * 7 % 613; /* 0 too: a distinct address all the same */
        made[i] = arena_alloc(&arena, 1, size);
        assert_non_null(made[i]);
        assert_int_equal((uintptr_t)made[i] % alignof(max_align_t), 0);
        for (size_t at = 0; at < size; at++) {
            assert_int_equal(made[i][at], 0);
        }
        memset(made[i], (int)i, size);
    }
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        for (size_t at = 0; at < i * 7 % 613; at++) {
            assert_int_equal(made[i][at], (unsigned char)i);
        }
    }
}

static void a_large_one_leaves_room_for_small_ones(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)8 * 1024 * 1024);
    char *small = arena_new(&arena, char, 16);
    char *large = arena_new(&arena, char, (size_t)1024 * 1024);
    char *next = arena_new(&arena, char, 16);
    assert_non_null(small);
    assert_non_null(large);
    assert_non_null(next);
    memset(large, 'x', (size_t)1024 * 1024);
    memset(small, 'y', 16);
    memset(next, 'z', 16);
    assert_int_equal(large[1024 * 1024 - 1], 'x');
    assert_int_equal(small[15], 'y');
}

static void a_reset_arena_starts_again_with_zeroed_memory(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, 4096);
    for (int round = 0; round < 3; round++) {
        char *all = arena_new(&arena, char, 4096);
        assert_non_null(all);
        for (size_t i = 0; i < 4096; i++) {
            assert_int_equal(all[i], 0);
        }
        memset(all, 'x', 4096);
        assert_null(arena_alloc(&arena, 1, 1));
        arena_reset(&arena);
        assert_int_equal(arena.used_bytes, 0);
    }
}

static void zeroed_memory_can_be_ended(void **state)
{
    (void)state;
    struct arena arena = {.max_bytes = 0};
    arena_fini(&arena);
    arena_reset(&arena);
    assert_null(arena_alloc(&arena, 1, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_maximum_is_exact),
        cmocka_unit_test(padding_counts),
        cmocka_unit_test(a_product_that_overflows_is_refused),
        cmocka_unit_test(memory_is_zeroed_aligned_and_its_own),
        cmocka_unit_test(a_large_one_leaves_room_for_small_ones),
        cmocka_unit_test(a_reset_arena_starts_again_with_zeroed_memory),
        cmocka_unit_test(zeroed_memory_can_be_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
