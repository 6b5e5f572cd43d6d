/* Words from outside stay words; amounts are what they are. The sentences are in the golden file. */
#include "notifications/notifications_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "base/random.h"
#include "testing/testing_env.h"

#define WALK_ROUNDS 2000
#define WALK_WORDS_MAX 600

static struct news news_of(enum notice notice, enum role role)
{
    return (struct news){.escrow_id = {.bytes = {[15] = 1}},
                         .notice = notice,
                         .role = role,
                         .amount_minor = 1,
                         .currency = STR("USD"),
                         .detail = STR(""),
                         .description = STR(""),
                         .happened_at_us = INT64_C(1763721600999999)};
}

static struct str written(struct arena *arena, const struct news *news)
{
    struct op op = {.arena = arena};
    struct str content;
    assert_int_equal(notifications_text_write(&op, news, &content).kind, STATUS_OK);
    return content;
}

static bool has(struct str text, const char *part)
{
    return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static void says(const struct news *news, const char *content)
{
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)1024 * 1024);
    assert_string_equal(written(&arena, news).ptr, content);
}

static void a_whole_message(void **state)
{
    (void)state;
    struct news news = news_of(NOTICE_FUNDS_HELD, ROLE_SELLER);
    news.amount_minor = 123456;
    news.description = STR("a sword");
    says(&news,
         "**1234.56 USD** arrived and was set aside for this deal. You can deliver for as long as "
         "the money is held.\n"
         "Deal `00000000-0000-0000-0000-000000000001`: `a sword`\n"
         "This was <t:1763721600:f>, <t:1763721600:R>.");
}

static void a_detail_is_left_out_with_what_leads_to_it(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)1024 * 1024);
    struct news news = news_of(NOTICE_CANCELLED, ROLE_BUYER);
    struct str bare = written(&arena, &news);
    assert_string_equal(bare.ptr, "This deal was cancelled."
                                  "\nDeal `00000000-0000-0000-0000-000000000001`"
                                  "\nThis was <t:1763721600:f>, <t:1763721600:R>.");
    news.detail = STR(" \n ");
    assert_true(str_eq(written(&arena, &news), bare));
    news.detail = STR("changed [my] {amount} mind");
    assert_true(has(written(&arena, &news),
                    "This deal was cancelled. Reason: `changed [my] {amount} mind`."));
}

static void strange_money_is_told_as_it_is(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)1024 * 1024);
    struct news news = news_of(NOTICE_FOREIGN_MONEY, ROLE_BUYER);
    news.currency = STR("J`Y");
    news.amount_minor = 5000;
    assert_true(has(written(&arena, &news), "**5000 in the smallest unit of `J'Y`**"));
    news.currency = STR("");
    assert_true(has(written(&arena, &news), "**5000 in the smallest unit of `-`**"));
}

/* The description as it is shown, without its backticks. */
static struct str shown(struct arena *arena, struct str description)
{
    struct news news = news_of(NOTICE_DELIVERED, ROLE_BUYER);
    news.description = description;
    struct str content = written(arena, &news);
    const char *before = "000001`: `";
    char *at = memmem(content.ptr, content.len, before, strlen(before));
    assert_non_null(at);
    at += strlen(before);
    char *end = memchr(at, '`', content.len - (size_t)(at - content.ptr));
    assert_non_null(end);
    assert_memory_equal(end, "`\nThis was <t:", 14);
    return (struct str){.ptr = at, .len = (size_t)(end - at)};
}

static void words_from_outside_are_quoted(void **state)
{
    (void)state;

    static const struct {
        const char *written;
        const char *shown;
    } rows[] = {
        {"@everyone <@123> **bold** https://evil.example",
         "@everyone <@123> **bold** https://evil.example"},
        {"`code` and ```blocks```", "'code' and '''blocks'''"},
        {"two\nlines\tand\x7f more", "two lines and  more"},
        {"  trimmed  ", "trimmed"},
        {"safe\xe2\x80\xae"
         "drows",
         "safedrows"}, /* U+202E turns the text around */
        {"a\xe2\x80\x8b"
         "b\xe2\x81\xa6"
         "c\xef\xbb\xbf"
         "d\xd8\x9c"
         "e",
         "abcde"},
        {"a\xc2\x85"
         "b\xc2\xa0"
         "c",
         "ab\xc2\xa0"
         "c"}, /* U+0085 is a control, U+00A0 not */
        {"\xe2\x80\x93 \xe2\x82\xac \xd8\x9b",
         "\xe2\x80\x93 \xe2\x82\xac \xd8\x9b"}, /* their neighbours */
        {"\xf0\x9f\x97\xa1 sword", "\xf0\x9f\x97\xa1 sword"},
        {"\xe2\x80\x8b", "-"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        DEFER(arena_fini) struct arena arena;
        arena_init(&arena, (size_t)1024 * 1024);
        struct str got = shown(&arena, str_of(rows[i].written));
        if (!str_eq(got, str_of(rows[i].shown))) {
            fail_msg("row %zu: " STR_FMT, i, STR_ARG(got));
        }
    }
}

static void long_words_are_cut(void **state)
{
    (void)state;
    char text[3 * QUOTE_MAX_CHARACTERS + 3];
    for (size_t i = 0; i < sizeof(text); i += 3) {
        memcpy(text + i, "\xe2\x82\xac", 3); /* three bytes, one character */
    }
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)1024 * 1024);
    struct str whole = {.ptr = text, .len = 3 * QUOTE_MAX_CHARACTERS};
    assert_true(str_eq(shown(&arena, whole), whole));
    struct str more = {.ptr = text, .len = sizeof(text)};
    struct str cut = shown(&arena, more);
    assert_int_equal(cut.len, whole.len + 3);
    assert_memory_equal(cut.ptr + whole.len, "\xe2\x80\xa6", 3);
}

/* Whatever the words: the message fits, and outside of code spans stands our own text alone. */
static void no_words_escape(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "`", "```",      "@everyone", "\n", "**", "\xe2\x80\xae", "x", "\\", "\xf0\x9f\x97\xa1",
        "[", "{detail}", "\xc2\x85",  " "};
    struct random random = random_seeded(testing_env_seed(7));
    for (int round = 0; round < WALK_ROUNDS; round++) {
        DEFER(arena_fini) struct arena arena;
        arena_init(&arena, (size_t)1024 * 1024);
        struct strbuf words;
        strbuf_init(&words, &arena, NEWS_DETAIL_MAX_BYTES);
        for (uint64_t i = random_below(&random, WALK_WORDS_MAX); i > 0; i--) {
            strbuf_add(&words, str_of(pieces[random_below(&random, ARRAY_LEN(pieces))]));
        }
        struct news news = news_of(NOTICE_CANCELLED, ROLE_SELLER);
        if (!strbuf_finish(&words, &news.detail)) {
            continue;
        }
        news.description = news.detail;
        struct str content = written(&arena, &news);
        assert_true(content.len < CONTENT_MAX_CHARACTERS);
        assert_true(str_is_text(content));
        bool inside = false;
        uint32_t lines = 1;
        for (size_t i = 0; i < content.len; i++) {
            char c = content.ptr[i];
            inside = c == '`' ? !inside : inside;
            lines += c == '\n' ? 1 : 0;
            assert_false(inside && c == '\n');
            assert_false(!inside && (c == '@' || c == '*' || c == '\\' || c == '{'));
        }
        assert_false(inside);
        assert_int_equal(lines, 3);
    }
}

/* A message can be hours late: what it says of "now" would be said of another moment. */
static void no_sentence_speaks_of_now(void **state)
{
    (void)state;
    static const char *const words[] = {" now",  " moment",       " still ",   " is being ",
                                        " has ", " is held for ", " does not "};
    for (enum notice notice = NOTICE_NONE + 1; notice < NOTICE_COUNT; notice++) {
        for (enum role role = ROLE_NONE + 1; role < ROLE_COUNT; role++) {
            if (!notifications_text_is_told(notice, role)) {
                continue;
            }
            DEFER(arena_fini) struct arena arena;
            arena_init(&arena, (size_t)1024 * 1024);
            struct news news = news_of(notice, role);
            struct str content = written(&arena, &news);
            for (size_t i = 0; i < ARRAY_LEN(words); i++) {
                if (has(content, words[i])) {
                    fail_msg("\"%s\" in: " STR_FMT, words[i], STR_ARG(content));
                }
            }
        }
    }
}

static void every_notice_is_told_to_somebody(void **state)
{
    (void)state;
    for (enum notice notice = NOTICE_NONE + 1; notice < NOTICE_COUNT; notice++) {
        assert_true(notifications_text_is_told(notice, ROLE_BUYER) ||
                    notifications_text_is_told(notice, ROLE_SELLER));
        assert_false(notifications_text_is_told(notice, ROLE_NONE));
    }
    assert_false(notifications_text_is_told(NOTICE_NONE, ROLE_BUYER));
    assert_false(notifications_text_is_told(NOTICE_PAYOUT_FAILED, ROLE_BUYER));
    assert_false(notifications_text_is_told(NOTICE_REFUND_FAILED, ROLE_SELLER));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_message),
        cmocka_unit_test(a_detail_is_left_out_with_what_leads_to_it),
        cmocka_unit_test(strange_money_is_told_as_it_is),
        cmocka_unit_test(words_from_outside_are_quoted),
        cmocka_unit_test(long_words_are_cut),
        cmocka_unit_test(no_words_escape),
        cmocka_unit_test(no_sentence_speaks_of_now),
        cmocka_unit_test(every_notice_is_told_to_somebody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
