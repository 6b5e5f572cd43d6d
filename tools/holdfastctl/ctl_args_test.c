/* Command lines that are right, and the sentences for those that are not. */
#include "holdfastctl/ctl_args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"

static struct status nothing(struct op *op, struct ctl *ctl)
{
    (void)op;
    (void)ctl;
    return OK;
}

static const struct ctl_command commands[] = {
    {"park", "show", "KEY", 0, CTL_BIT(CTL_OPTION_LIMIT), nothing, "Shows."},
    {"lane", "resume", NULL, CTL_BIT(CTL_OPTION_SERVICE) | CTL_BIT(CTL_OPTION_LANE),
     CTL_BIT(CTL_OPTION_USER), nothing, "Resumes."},
};

#define PARSE(...)                                          \
    parse((char *[]){(char[]){"holdfastctl"}, __VA_ARGS__}, \
          (int)(sizeof((char *[]){NULL, __VA_ARGS__}) / sizeof(char *)), &args)

static enum status_kind parse(char **argv, int argc, struct ctl_args *ret_args)
{
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, 65536);
    struct op op = {.arena = &arena};
    return ctl_args_parse(&op, commands, ARRAY_LEN(commands), argc, argv, ret_args).kind;
}

#define W(word) ((char[]){word})

static void right(void **state)
{
    (void)state;
    struct ctl_args args;
    assert_int_equal(PARSE(W("park"), W("show"), W("abc"), W("--limit"), W("7"), W("--json")),
                     STATUS_OK);
    assert_true(str_eq(args.argument, STR("abc")));
    assert_int_equal(args.number[CTL_OPTION_LIMIT], 7);
    assert_true(ctl_args_given(&args, CTL_OPTION_JSON));
    assert_false(ctl_args_given(&args, CTL_OPTION_USER));
    assert_int_equal(PARSE(W("lane"), W("resume"), W("--lane=11"), W("--service=escrow")),
                     STATUS_OK);
    assert_int_equal(args.number[CTL_OPTION_LANE], 11);
    assert_true(str_eq(args.text[CTL_OPTION_SERVICE], STR("escrow")));
}

static void wrong(void **state)
{
    (void)state;
    struct ctl_args args;
    assert_int_equal(PARSE(W("park")), STATUS_INVALID);
    assert_int_equal(PARSE(W("park"), W("shew"), W("x")), STATUS_INVALID);
    assert_int_equal(PARSE(W("park"), W("show")), STATUS_INVALID);
    assert_int_equal(PARSE(W("park"), W("show"), W("a"), W("b")), STATUS_INVALID);
    assert_int_equal(PARSE(W("park"), W("show"), W("a"), W("--limit")), STATUS_INVALID);
    assert_int_equal(PARSE(W("park"), W("show"), W("a"), W("--limit=0")), STATUS_INVALID);
    assert_int_equal(PARSE(W("park"), W("show"), W("a"), W("--limit=1000")), STATUS_OK);
    assert_int_equal(PARSE(W("park"), W("show"), W("a"), W("--limit=1001")), STATUS_INVALID);
    assert_int_equal(PARSE(W("park"), W("show"), W("a"), W("--limit=1x")), STATUS_INVALID);
    assert_int_equal(PARSE(W("park"), W("show"), W("a"), W("--limit=1"), W("--limit=1")),
                     STATUS_INVALID);
    assert_int_equal(PARSE(W("park"), W("show"), W("a"), W("--lane=1")), STATUS_INVALID);
    assert_int_equal(PARSE(W("park"), W("show"), W("a"), W("--json=1")), STATUS_INVALID);
    assert_int_equal(PARSE(W("park"), W("show"), W("a"), W("--colour")), STATUS_INVALID);
    assert_int_equal(PARSE(W("lane"), W("resume"), W("--lane=1")), STATUS_INVALID);
    assert_int_equal(PARSE(W("lane"), W("resume"), W("--lane=12"), W("--service=escrow")),
                     STATUS_INVALID);
    assert_int_equal(PARSE(W("lane"), W("resume"), W("--lane=1"), W("--service=")), STATUS_INVALID);
    assert_int_equal(PARSE(W("lane"), W("resume"), W("--lane=1"), W("--service=a"), W("--user=1")),
                     STATUS_INVALID);
}

static void every_option_is_described(void **state)
{
    (void)state;
    for (int i = CTL_OPTION_NONE + 1; i < CTL_OPTION_COUNT; i++) {
        assert_non_null(ctl_options[i].name);
        assert_non_null(ctl_options[i].help);
        assert_non_null(ctl_options[i].placeholder);
    }
}

static void durations(void **state)
{
    (void)state;

    static const struct {
        const char *text;
        int64_t seconds; /* 0: refused */
    } cases[] = {
        {"1s", 1},
        {"90s", 90},
        {"30m", 1800},
        {"36h", 129600},
        {"7d", 604800},
        {"3650d", INT64_C(315360000)},
        {"3651d", 0},
        {"0d", 0},
        {"-1d", 0},
        {"7", 0},
        {"d", 0},
        {"", 0},
        {"7w", 0},
        {"7 d", 0},
        {"1.5h", 0},
        {"9223372036854775807d", 0},
        {"99999999999999999999s", 0},
    };
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, 65536);
    struct op op = {.arena = &arena};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t us = 0;
        struct status st = ctl_args_duration(&op, str_of(cases[i].text), &us);
        assert_int_equal(st.kind, cases[i].seconds > 0 ? STATUS_OK : STATUS_INVALID);
        assert_int_equal(us, cases[i].seconds * CTL_SECOND_US);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right),
        cmocka_unit_test(wrong),
        cmocka_unit_test(durations),
        cmocka_unit_test(every_option_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
