/* The map against a plain array that remembers everything. */
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "base/random.h"

#define KEYS 300

static struct id key_of(uint32_t number)
{
    struct id id = {.bytes = {0}};
    id.bytes[12] = (uint8_t)(number >> 8);
    id.bytes[15] = (uint8_t)number;
    return id;
}

static void it_remembers_like_an_array(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)1024 * 1024);
    struct map map;
    assert_true(map_init(&map, &arena, KEYS));
    uint32_t expected[KEYS];
    memset(expected, 0xFF, sizeof(expected));
    struct random random = random_seeded(42);
    for (uint32_t step = 0; step < 20000; step++) {
        uint32_t key = (uint32_t)random_below(&random, KEYS);
        uint32_t value = (uint32_t)random_below(&random, 1000);
        switch (random_below(&random, 3)) {
        case 0:
            map_set(&map, key_of(key), value);
            expected[key] = value;
            break;
        case 1:
            if (expected[key] == UINT32_MAX) {
                expected[key] = value;
            }
            assert_int_equal(map_put(&map, key_of(key), value), expected[key]);
            break;
        default: assert_int_equal(map_get(&map, key_of(key), UINT32_MAX), expected[key]); break;
        }
    }
    assert_int_equal(map.count, KEYS); /* full, and still right */
    assert_int_equal(map_get(&map, key_of(KEYS), 7), 7);
}

static void a_full_arena_is_told(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, 256);
    struct map map;
    assert_false(map_init(&map, &arena, KEYS));
    DEFER(arena_fini) struct arena enough;
    arena_init(&enough, 4096);
    assert_true(map_init(&map, &enough, 0));
    assert_int_equal(map_get(&map, key_of(1), 5), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_remembers_like_an_array),
        cmocka_unit_test(a_full_arena_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
