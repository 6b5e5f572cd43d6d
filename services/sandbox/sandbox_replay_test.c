/* An idempotency key's life. */
#include "sandbox/sandbox_replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"
#include "sandbox/sandbox_world.h"

static void a_key(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, SANDBOX_WORLD_MAX_BYTES);
    struct sandbox_replay replay;
    assert_true(sandbox_replay_init(&replay, &arena));
    struct hash this = hash_of(STR("this"));
    struct hash that = hash_of(STR("that"));
    struct sandbox_replay_entry *entry = NULL;

    assert_int_equal(sandbox_replay_begin(&replay, STR("k"), &this, &entry), SANDBOX_REPLAY_FIRST);
    assert_int_equal(sandbox_replay_begin(&replay, STR("k"), &this, &entry),
                     SANDBOX_REPLAY_RUNNING);
    assert_int_equal(sandbox_replay_begin(&replay, STR("k"), &that, &entry),
                     SANDBOX_REPLAY_DIFFERENT);
    sandbox_replay_forget(entry);
    assert_int_equal(sandbox_replay_begin(&replay, STR("k"), &that, &entry), SANDBOX_REPLAY_FIRST);
    const struct sandbox_answer answer = {.http_status = 500, .body = STR("{}")};
    assert_true(sandbox_replay_keep(&replay, entry, &answer));
    assert_int_equal(sandbox_replay_begin(&replay, STR("k"), &that, &entry), SANDBOX_REPLAY_SAME);
    assert_int_equal(entry->answer.http_status, 500);
    assert_true(str_eq(entry->answer.body, STR("{}")));
    assert_int_equal(sandbox_replay_begin(&replay, STR("k"), &this, &entry),
                     SANDBOX_REPLAY_DIFFERENT);
    assert_int_equal(sandbox_replay_begin(&replay, STR("l"), &this, &entry), SANDBOX_REPLAY_FIRST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
