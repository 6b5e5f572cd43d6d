/* Discord's rules: one channel for each person, a nonce says a thing once, buckets end. */
#include "sandbox/sandbox_discord.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"

#define NOW 1000000

struct fixture {
    struct arena arena;
    struct sandbox_discord discord;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    arena_init(&fixture.arena, (size_t)16 * 1024 * 1024);
    sandbox_discord_init(&fixture.discord);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    arena_fini(&fixture->arena);
    return 0;
}

static struct sandbox_discord_person *open_for(struct fixture *fixture, const char *user_id)
{
    struct sandbox_discord_person *person = NULL;
    assert_int_equal(
        sandbox_discord_open(&fixture->discord, &fixture->arena, str_of(user_id), &person),
        SANDBOX_DISCORD_ERROR_NONE);
    return person;
}

static enum sandbox_discord_error write_post(struct fixture *fixture,
                                             const struct sandbox_discord_post *post,
                                             int64_t now_ms,
                                             struct sandbox_discord_message **ret_message)
{
    return sandbox_discord_write(&fixture->discord, &fixture->arena, post, now_ms, ret_message);
}

static void a_person_has_one_channel(void **state)
{
    struct fixture *fixture = *state;
    struct sandbox_discord_person *one = open_for(fixture, "11111111111111111");
    struct sandbox_discord_person *other = open_for(fixture, "22222222222222222");
    assert_ptr_equal(open_for(fixture, "11111111111111111"), one);
    assert_false(str_eq(one->channel_id, other->channel_id));
    assert_ptr_equal(sandbox_discord_person_of(&fixture->discord, other->channel_id), other);
    /* Met before the others, opened after them. */
    struct sandbox_discord_person *met =
        sandbox_discord_meet(&fixture->discord, &fixture->arena, STR("33333333333333333"));
    struct sandbox_discord_person *fourth = open_for(fixture, "44444444444444444");
    assert_ptr_equal(open_for(fixture, "33333333333333333"), met);
    assert_false(str_eq(met->channel_id, fourth->channel_id));
    assert_null(sandbox_discord_person_of(&fixture->discord, STR("")));
    struct sandbox_discord_person *none = NULL;
    static const char *const bad[] = {"", "12a", "-1", "123456789012345678901"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(
            sandbox_discord_open(&fixture->discord, &fixture->arena, str_of(bad[i]), &none),
            SANDBOX_DISCORD_ERROR_INVALID_FORM);
    }
}

/* Ids that were written down before are nobody's: never another person's. */
static void ids_of_a_new_start_are_new(void **state)
{
    struct fixture *fixture = *state;
    struct sandbox_discord_person *before = open_for(fixture, "11111111111111111");
    struct str channel_id = before->channel_id;
    struct sandbox_discord_post post = {.channel_id = channel_id, .content = STR("hello")};
    struct sandbox_discord_message *first = NULL;
    assert_int_equal(write_post(fixture, &post, NOW, &first), SANDBOX_DISCORD_ERROR_NONE);

    sandbox_discord_init(&fixture->discord);
    struct sandbox_discord_person *after = open_for(fixture, "22222222222222222");
    assert_false(str_eq(after->channel_id, channel_id));
    struct sandbox_discord_message *other = NULL;
    assert_int_equal(write_post(fixture, &post, NOW, &other),
                     SANDBOX_DISCORD_ERROR_UNKNOWN_CHANNEL);
    post.channel_id = after->channel_id;
    assert_int_equal(write_post(fixture, &post, NOW, &other), SANDBOX_DISCORD_ERROR_NONE);
    assert_false(str_eq(other->id, first->id));
}

static void a_nonce_says_it_once(void **state)
{
    struct fixture *fixture = *state;
    struct sandbox_discord_post post = {.channel_id =
                                            open_for(fixture, "11111111111111111")->channel_id,
                                        .content = STR("hello"),
                                        .nonce = STR("n1"),
                                        .enforce_nonce = true};
    struct sandbox_discord_message *first = NULL;
    struct sandbox_discord_message *again = NULL;
    assert_int_equal(write_post(fixture, &post, NOW, &first), SANDBOX_DISCORD_ERROR_NONE);
    assert_int_equal(write_post(fixture, &post, NOW + SANDBOX_DISCORD_NONCE_MS, &again),
                     SANDBOX_DISCORD_ERROR_NONE);
    assert_ptr_equal(first, again);
    assert_int_equal(fixture->discord.counts.deduplicated, 1);
    assert_int_equal(write_post(fixture, &post, NOW + SANDBOX_DISCORD_NONCE_MS + 1, &again),
                     SANDBOX_DISCORD_ERROR_NONE);
    assert_ptr_not_equal(first, again);
    post.enforce_nonce = false;
    assert_int_equal(write_post(fixture, &post, NOW + SANDBOX_DISCORD_NONCE_MS + 2, &again),
                     SANDBOX_DISCORD_ERROR_NONE);
    assert_int_equal(fixture->discord.messages.count, 3);
}

static void what_cannot_be_written(void **state)
{
    struct fixture *fixture = *state;
    struct sandbox_discord_person *person = open_for(fixture, "11111111111111111");
    struct sandbox_discord_message *message = NULL;
    static char long_text[SANDBOX_DISCORD_CONTENT_MAX * 2 + 3];
    for (size_t i = 0; i < sizeof(long_text); i += 2) { /* two bytes, one character */
        long_text[i] = (char)0xc3;
        long_text[i + 1 < sizeof(long_text) ? i + 1 : i] = (char)0xa9;
    }
    struct sandbox_discord_post post = {
        .channel_id = person->channel_id,
        .content = {.ptr = long_text, .len = 2 * SANDBOX_DISCORD_CONTENT_MAX},
        .nonce = STR("")};
    assert_int_equal(write_post(fixture, &post, NOW, &message), SANDBOX_DISCORD_ERROR_NONE);
    post.content.len += 2;
    assert_int_equal(write_post(fixture, &post, NOW, &message), SANDBOX_DISCORD_ERROR_INVALID_FORM);
    post.content = STR("");
    assert_int_equal(write_post(fixture, &post, NOW, &message),
                     SANDBOX_DISCORD_ERROR_EMPTY_MESSAGE);
    post.content = STR("x");
    post.nonce = STR("1234567890123456789012345");
    assert_int_equal(write_post(fixture, &post, NOW, &message), SANDBOX_DISCORD_ERROR_NONE);
    post.nonce = STR("12345678901234567890123456");
    assert_int_equal(write_post(fixture, &post, NOW, &message), SANDBOX_DISCORD_ERROR_INVALID_FORM);
    post.nonce = STR("");
    post.channel_id = STR("1");
    assert_int_equal(write_post(fixture, &post, NOW, &message),
                     SANDBOX_DISCORD_ERROR_UNKNOWN_CHANNEL);
    post.channel_id = person->channel_id;
    person->closed = true;
    assert_int_equal(write_post(fixture, &post, NOW, &message), SANDBOX_DISCORD_ERROR_CANNOT_DM);
}

static void a_bucket_is_used_up_until_its_window_ends(void **state)
{
    struct fixture *fixture = *state;
    struct sandbox_discord *discord = &fixture->discord;
    struct sandbox_discord_person *one = open_for(fixture, "11111111111111111");
    struct sandbox_discord_person *other = open_for(fixture, "22222222222222222");
    const struct sandbox_discord_limit limit = {.max = 2, .window_ms = 5000};
    enum sandbox_discord_bucket bucket = SANDBOX_DISCORD_BUCKET_MESSAGES;
    sandbox_discord_set_limit(discord, bucket, limit);
    struct sandbox_discord_asked asked = sandbox_discord_ask(discord, bucket, one, NOW);
    assert_true(asked.allowed);
    assert_int_equal(asked.remaining, 1);
    assert_int_equal(asked.reset_after_ms, 5000);
    assert_true(sandbox_discord_ask(discord, bucket, one, NOW + 1).allowed);
    asked = sandbox_discord_ask(discord, bucket, one, NOW + 4999);
    assert_false(asked.allowed);
    assert_false(asked.global);
    assert_int_equal(asked.reset_after_ms, 1);
    assert_true(sandbox_discord_ask(discord, bucket, other, NOW + 4999).allowed);
    assert_true(sandbox_discord_ask(discord, bucket, one, NOW + 5000).allowed);
    assert_true(sandbox_discord_ask(discord, bucket, one, NOW + 5000).allowed);
    assert_false(sandbox_discord_ask(discord, bucket, one, NOW + 5000).allowed);
    sandbox_discord_set_limit(discord, bucket, limit);
    assert_true(sandbox_discord_ask(discord, bucket, one, NOW + 5000).allowed);
}

static void the_global_limit_is_over_all(void **state)
{
    struct fixture *fixture = *state;
    struct sandbox_discord *discord = &fixture->discord;
    discord->limits[SANDBOX_DISCORD_BUCKET_GLOBAL].max = 1;
    assert_true(sandbox_discord_ask(discord, SANDBOX_DISCORD_BUCKET_CHANNELS, NULL, NOW).allowed);
    struct sandbox_discord_asked asked = sandbox_discord_ask(
        discord, SANDBOX_DISCORD_BUCKET_MESSAGES, open_for(fixture, "11111111111111111"), NOW);
    assert_false(asked.allowed);
    assert_true(asked.global);
    discord->limits[SANDBOX_DISCORD_BUCKET_GLOBAL].max = 0;
    assert_true(sandbox_discord_ask(discord, SANDBOX_DISCORD_BUCKET_CHANNELS, NULL, NOW).allowed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_person_has_one_channel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ids_of_a_new_start_are_new, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_nonce_says_it_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bucket_is_used_up_until_its_window_ends, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_global_limit_is_over_all, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
