/* The heap against a sorted list, and what it says of what it left out. */
#include "engine/engine_timer_heap.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/defer.h"
#include "base/random.h"

#define TIMERS 2000
#define DUES 300 /* fewer than timers: many are due together */
#define STEPS 40000
#define SEED 20

/* The database: what is open, by number. */
static int64_t dues[TIMERS]; /* 0: not open */
static struct timer_row rows[TIMERS];

static struct id key_of(uint32_t i)
{
    return (struct id){.bytes = {(uint8_t)(i >> 8), (uint8_t)i, 1}};
}

static uint32_t number_of(struct id key)
{
    return (uint32_t)key.bytes[0] << 8 | key.bytes[1];
}

static int by_due(const void *a, const void *b)
{
    const struct timer_row *x = a;
    const struct timer_row *y = b;
    return (x->due_at_us > y->due_at_us) - (x->due_at_us < y->due_at_us);
}

static void fill(struct engine_timer_heap *heap)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < TIMERS; i++) {
        if (dues[i] > 0) {
            rows[count++] = (struct timer_row){
                .key = key_of(i), .kind = 1, .generation = 1, .due_at_us = dues[i]};
        }
    }
    qsort(rows, count, sizeof(rows[0]), by_due);
    engine_timer_heap_fill(heap, rows, count < ENGINE_TIMER_WINDOW ? count : ENGINE_TIMER_WINDOW);
}

static int64_t soonest_open(void)
{
    int64_t soonest = INT64_MAX;
    for (uint32_t i = 0; i < TIMERS; i++) {
        soonest = dues[i] > 0 && dues[i] < soonest ? dues[i] : soonest;
    }
    return soonest;
}

/* Everything that is due before complete_us is in the heap, and nothing that is not open. */
static void check(const struct engine_timer_heap *heap)
{
    static bool here[TIMERS];
    for (uint32_t i = 0; i < TIMERS; i++) {
        here[i] = false;
    }
    assert_true(heap->count <= ENGINE_TIMER_WINDOW);
    for (uint32_t i = 0; i < heap->count; i++) {
        uint32_t number = number_of(heap->entries[i].key);
        assert_false(here[number]);
        here[number] = true;
        assert_int_equal(heap->entries[i].due_at_us, dues[number]);
    }
    for (uint32_t i = 0; i < TIMERS; i++) {
        assert_true(here[i] || dues[i] == 0 || dues[i] >= heap->complete_us);
    }
}

static void set(struct engine_timer_heap *heap, uint32_t i, int64_t due_at_us)
{
    struct engine_timer_entry entry = {
        .key = key_of(i), .kind = 1, .generation = 1, .due_at_us = due_at_us};
    dues[i] = due_at_us;
    engine_timer_heap_put(heap, &entry);
}

static void a_random_walk(void **state)
{
    (void)state;
    static struct engine_timer_heap heap;
    struct random random = random_seeded(SEED);
    uint32_t popped = 0;
    uint32_t fills = 0;
    engine_timer_heap_forget(&heap);
    for (uint32_t step = 0; step < STEPS; step++) {
        uint32_t i = (uint32_t)random_below(&random, TIMERS);
        uint32_t what = (uint32_t)random_below(&random, 10);
        if (what < 5 + (step / 5000) % 2 * 3) { /* it grows, and is used up, in turns */
            set(&heap, i, 1 + (int64_t)random_below(&random, DUES));
        } else if (what == 9) {
            dues[i] = 0;
            engine_timer_heap_remove(&heap, key_of(i), 1);
        } else {
            if (engine_timer_heap_is_used_up(&heap)) {
                fill(&heap);
                fills++;
            }
            if (engine_timer_heap_first(&heap)) {
                struct engine_timer_entry first = engine_timer_heap_pop(&heap);
                assert_int_equal(first.due_at_us, soonest_open());
                dues[number_of(first.key)] = 0;
                popped++;
            }
        }
        check(&heap);
    }
    assert_true(popped > STEPS / 10);
    assert_true(fills > 2);
}

static void what_goes_back_stands_first_again(void **state)
{
    (void)state;
    static struct engine_timer_heap heap;
    for (uint32_t i = 0; i < TIMERS; i++) {
        dues[i] = 1000 + i;
    }
    fill(&heap);
    assert_int_equal(heap.count, ENGINE_TIMER_WINDOW);
    struct engine_timer_entry first = engine_timer_heap_pop(&heap);
    assert_int_equal(first.due_at_us, 1000);
    engine_timer_heap_put(&heap, &first);
    assert_int_equal(engine_timer_heap_first(&heap)->due_at_us, 1000);
    assert_int_equal(heap.count, ENGINE_TIMER_WINDOW);
}

static void one_of_each_key_and_kind(void **state)
{
    (void)state;
    static struct engine_timer_heap heap;
    engine_timer_heap_fill(&heap, rows, 0);
    struct engine_timer_entry entry = {
        .key = key_of(1), .kind = 1, .generation = 1, .due_at_us = 50};
    engine_timer_heap_put(&heap, &entry);
    entry.kind = 2;
    entry.due_at_us = 60;
    engine_timer_heap_put(&heap, &entry);
    entry.kind = 1;
    entry.generation = 2;
    entry.due_at_us = 70; /* later than before */
    engine_timer_heap_put(&heap, &entry);
    assert_int_equal(heap.count, 2);
    assert_int_equal(engine_timer_heap_pop(&heap).kind, 2);
    assert_int_equal(engine_timer_heap_pop(&heap).generation, 2);
    assert_null(engine_timer_heap_first(&heap));
    assert_false(engine_timer_heap_is_used_up(&heap)); /* there are no others */
    engine_timer_heap_forget(&heap);
    assert_true(engine_timer_heap_is_used_up(&heap));
    engine_timer_heap_put(&heap, &entry); /* not while nothing is known */
    assert_null(engine_timer_heap_first(&heap));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_random_walk),
        cmocka_unit_test(what_goes_back_stands_first_again),
        cmocka_unit_test(one_of_each_key_and_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
