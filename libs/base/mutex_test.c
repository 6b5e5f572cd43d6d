#include "base/mutex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/defer.h"

#define LONG_MS 60000
#define SHORT_MS 30

struct shared {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int64_t value;
};

static int open_shared(void **state)
{
    static struct shared shared;
    shared = (struct shared){.value = 0};
    mutex_init(&shared.mutex);
    cond_init(&shared.changed);
    *state = &shared;
    return 0;
}

static int close_shared(void **state)
{
    struct shared *shared = *state;
    cond_fini(&shared->changed);
    mutex_fini(&shared->mutex);
    return 0;
}

static void add(struct shared *shared)
{
    DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(&shared->mutex);
    shared->value++;
    cond_signal(&shared->changed);
}

static void *add_one(void *arg)
{
    add(arg);
    return NULL;
}

/* A lock that is given back on the way out can be taken again. */
static void held_to_the_end_of_the_scope(void **state)
{
    add(*state);
    add(*state);
    assert_int_equal(((struct shared *)*state)->value, 2);
}

static void waits_until_the_moment(void **state)
{
    struct shared *shared = *state;
    int64_t until_ms = clock_mono_ms() + SHORT_MS;
    DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(&shared->mutex);
    while (cond_wait_until(&shared->changed, held, until_ms)) {
    }
    assert_true(clock_mono_ms() >= until_ms);
    assert_false(cond_wait_until(&shared->changed, held, until_ms));
}

static void is_woken_before(void **state)
{
    struct shared *shared = *state;
    int64_t until_ms = clock_mono_ms() + LONG_MS;
    mutex_lock(&shared->mutex);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, add_one, shared), 0);
    while (shared->value == 0 && cond_wait_until(&shared->changed, &shared->mutex, until_ms)) {
    }
    assert_int_equal(shared->value, 1); /* the waiter had given the mutex up */
    assert_true(clock_mono_ms() < until_ms);
    mutex_unlock(&shared->mutex);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(held_to_the_end_of_the_scope, open_shared, close_shared),
        cmocka_unit_test_setup_teardown(waits_until_the_moment, open_shared, close_shared),
        cmocka_unit_test_setup_teardown(is_woken_before, open_shared, close_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
