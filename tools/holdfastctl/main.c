/* The operator's tool. What it prints on standard output is data, on standard error talk. */
#include <stdio.h>

#include "base/crash.h"
#include "base/defer.h"
#include "base/request_key.h"
#include "holdfastctl/ctl.h"

static const struct conf_key keys[] = {
    {.name = "DATABASE_URL",
     .type = CONF_DATABASE,
     .help = "The database; --database-url comes first."},
    {.name = "KAFKA_BROKERS",
     .type = CONF_STR,
     .max = 1024,
     .help = "The Kafka brokers; --brokers comes first."},
    {.name = "REQUEST_SIGNING_SECRET",
     .type = CONF_SECRET,
     .min = REQUEST_KEY_SECRET_MIN_BYTES,
     .max = SECRET_MAX_BYTES,
     .help = "The gateway's secret of that name, for token create --signed."},
    {.name = "HOLDFAST_ENV",
     .type = CONF_STR,
     .choices = "development|test|production",
     .help = "Where this runs; some commands are for development and test alone."},
#ifdef HOLDFAST_CRASH_POINTS
    {.name = "HOLDFAST_CRASH_AT",
     .type = CONF_STR,
     .min = 1,
     .max = 100,
     .help = "Tests only: name:n:kill or name:n:stop, see base/crash.h."},
#endif
};

static const struct conf_tables tables = {
    .keys = keys, .key_count = ARRAY_LEN(keys), .kafka = true, .tool = true};

static enum ctl_exit exit_code(struct status st)
{
    switch (st.kind) {
    case STATUS_OK: return CTL_EXIT_OK;
    case STATUS_INVALID: return CTL_EXIT_USAGE;
    case STATUS_CONFLICT:
    case STATUS_STOP: return CTL_EXIT_NO;
    case STATUS_NOT_FOUND: return CTL_EXIT_NOT_FOUND;
    case STATUS_CANCELED: return CTL_EXIT_TIMEOUT;
    case STATUS_DENIED:
    case STATUS_LIMIT:
    case STATUS_RETRY: return CTL_EXIT_UNAVAILABLE;
    case STATUS_BUG:
    case STATUS_KIND_COUNT: break;
    }
    return CTL_EXIT_BUG;
}

static STATUS print(struct op *op, struct str text)
{
    return fwrite(text.ptr, 1, text.len, stdout) == text.len
               ? OK
               : op_fail(op, STATUS_RETRY, "ctl.output", "standard output takes no more");
}

static STATUS print_help(struct op *op, int argc, char *const *argv)
{
    struct str noun = {.ptr = NULL, .len = 0};
    struct str text;
    if (argc > 2) {
        noun = str_of(argv[2]);
    }
    TRY(ctl_args_help(op, ctl_commands, ctl_command_count, noun, &text));
    return print(op, text);
}

static STATUS load_conf(struct op *op, struct ctl *ctl)
{
    struct conf *conf;
    TRY(conf_load(op, &tables, conf_environment(), &conf));
    struct str mistakes = conf_mistakes(conf);
    if (mistakes.len > 0) {
        return op_fail(op, STATUS_INVALID, "ctl.usage", STR_FMT, STR_ARG(str_trim(mistakes)));
    }
#ifdef HOLDFAST_CRASH_POINTS
    if (conf_given(conf, "HOLDFAST_CRASH_AT") && !crash_arm(conf_str(conf, "HOLDFAST_CRASH_AT"))) {
        return op_fail(op, STATUS_INVALID, "ctl.usage",
                       "HOLDFAST_CRASH_AT is not name:n:kill|stop");
    }
#endif
    ctl->conf = conf;
    return OK;
}

static STATUS print_config_docs(struct op *op)
{
    struct str text;
    TRY(conf_docs(op, &tables, STR("holdfastctl"), &text));
    return print(op, text);
}

/* What was found is printed even when the answer is no. */
static STATUS run(struct op *op, struct ctl *ctl, int argc, char *const *argv)
{
    struct str first = argc > 1 ? str_of(argv[1]) : STR("");
    if (str_eq(first, STR("help")) || str_eq(first, STR("--help"))) {
        return print_help(op, argc, argv);
    }
    if (str_eq(first, STR("--version"))) {
        return print(op, STR("holdfast " HOLDFAST_VERSION "\n"));
    }
    if (str_eq(first, STR("--print-config-docs"))) {
        return print_config_docs(op);
    }
    TRY(ctl_args_parse(op, ctl_commands, ctl_command_count, argc, argv, &ctl->args));
    TRY(load_conf(op, ctl));
    ctl_out_init(&ctl->out, op->arena, ctl_args_given(&ctl->args, CTL_OPTION_JSON));
    struct status st = ctl->args.command->run(op, ctl);
    if (st.kind == STATUS_OK || st.kind == STATUS_CONFLICT) {
        TRY(ctl_out_print(op, &ctl->out));
    }
    return st;
}

int main(int argc, char **argv)
{
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, CTL_ARENA_BYTES);
    struct op op = {.arena = &arena, .correlation_id = STR("holdfastctl")};
    static struct ctl ctl; /* its option values are too large for a stack frame of ours */
    struct status st = run(&op, &ctl, argc, argv);
    if (status_failed(st)) {
        (void)fprintf(stderr, "holdfastctl: %s (%s)\n", op.err.msg, op.err.code);
        if (st.kind == STATUS_INVALID) {
            (void)fputs("See holdfastctl help.\n", stderr);
        }
    }
    return (int)exit_code(st);
}
