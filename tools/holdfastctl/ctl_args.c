/* In: argv. Out: a command of the table with checked values, or one sentence on what is wrong. */
#include "holdfastctl/ctl_args.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/defer.h"

#define HELP_MAX_BYTES ((size_t)32 * 1024)
#define DAY_SECONDS INT64_C(86400)
#define NUMBER_MAX INT64_C(9000000000000000000)

/* clang-format off */
const struct ctl_option_row ctl_options[CTL_OPTION_COUNT] = {
    [CTL_OPTION_DATABASE_URL] = {"database-url", CTL_VALUE_TEXT, 0, 0, "URL", "the database; otherwise DATABASE_URL"},
    [CTL_OPTION_BROKERS]      = {"brokers", CTL_VALUE_TEXT, 0, 0, "HOST:PORT", "Kafka; otherwise KAFKA_BROKERS"},
    [CTL_OPTION_DIR]          = {"dir", CTL_VALUE_TEXT, 0, 0, "DIR", "the folder of the migrations (default: migrations)"},
    [CTL_OPTION_KIND]         = {"kind", CTL_VALUE_TEXT, 0, 0, "user|marketplace|staff", "who the token speaks for"},
    [CTL_OPTION_USER]         = {"user", CTL_VALUE_UUID, 0, 0, "UUID", "a user's account"},
    [CTL_OPTION_ACCOUNT]      = {"account", CTL_VALUE_UUID, 0, 0, "UUID", "an existing account (default: a new one)"},
    [CTL_OPTION_LABEL]        = {"label", CTL_VALUE_TEXT, 0, 0, "TEXT", "what the token is for, for people"},
    [CTL_OPTION_DAYS]         = {"days", CTL_VALUE_NUMBER, 1, 3650, "DAYS", "until it expires (default: never)"},
    [CTL_OPTION_LIVE]         = {"live", CTL_VALUE_NONE, 0, 0, "", "a token for real money (hf_live_)"},
    [CTL_OPTION_ATTENTION]    = {"attention", CTL_VALUE_NONE, 0, 0, "", "only what waits for staff"},
    [CTL_OPTION_SIGNED]       = {"signed", CTL_VALUE_NONE, 0, 0, "", "its requests must be signed; wants REQUEST_SIGNING_SECRET"},
    [CTL_OPTION_SERVICE]      = {"service", CTL_VALUE_TEXT, 0, 0, "SERVICE", "gateway, escrow, payments, oracle or notifications"},
    [CTL_OPTION_REQUESTED_BY] = {"requested-by", CTL_VALUE_TEXT, 0, 0, "NAME", "who asks (default: the name of the database role)"},
    [CTL_OPTION_APPROVED_BY]  = {"approved-by", CTL_VALUE_TEXT, 0, 0, "NAME", "the second person, where one is needed: a declaration for the audit, not verified"},
    [CTL_OPTION_TOPIC]        = {"topic", CTL_VALUE_TEXT, 0, 0, "TOPIC", "a topic that lanes write"},
    [CTL_OPTION_LANE]         = {"lane", CTL_VALUE_NUMBER, 0, 11, "LANE", "which lane (its partition)"},
    [CTL_OPTION_N]            = {"from", CTL_VALUE_NUMBER, 1, NUMBER_MAX, "N", "the first number to publish again"},
    [CTL_OPTION_STATE]        = {"state", CTL_VALUE_TEXT, 0, 0, "STATE", "only escrows in this state, e.g. FUNDS_HELD"},
    [CTL_OPTION_ESCROW]       = {"escrow", CTL_VALUE_UUID, 0, 0, "UUID", "of this deal"},
    [CTL_OPTION_LIMIT]        = {"limit", CTL_VALUE_NUMBER, 1, 1000, "ROWS", "at most so many (default: 50)"},
    [CTL_OPTION_REPLICATION]  = {"replication", CTL_VALUE_NUMBER, 1, 9, "COPIES", "copies of each partition (default: 1)"},
    [CTL_OPTION_WAIT]         = {"wait", CTL_VALUE_NUMBER, 0, 3600, "SECONDS", "how long to wait for the owner of the lane (default: 30)"},
    [CTL_OPTION_SEAL_KEYS]    = {"seal-keys", CTL_VALUE_TEXT, 0, 0, "FILE", "the public keys of seals, PEM, of all times"},
    [CTL_OPTION_OUT]          = {"out", CTL_VALUE_TEXT, 0, 0, "FILE", "where it is written, too; of a dossier: where it is (default: ESCROW.dossier.jsonl)"},
    [CTL_OPTION_EVIDENCE]     = {"evidence", CTL_VALUE_TEXT, 0, 0, "DIR", "the folder of the evidence: the gateway's EVIDENCE_DIR, or a copy (export: copied to FILE.evidence)"},
    [CTL_OPTION_OUTCOME]      = {"outcome", CTL_VALUE_TEXT, 0, 0, "done|failed", "what became of the call"},
    [CTL_OPTION_OBJECT]       = {"object", CTL_VALUE_TEXT, 0, 0, "ID", "what the provider calls what was done, e.g. tr_1"},
    [CTL_OPTION_SHA256]       = {"sha256", CTL_VALUE_TEXT, 0, 0, "HEX", "of the frozen request that was looked at"},
    [CTL_OPTION_REASON]       = {"reason", CTL_VALUE_TEXT, 0, 0, "TEXT", "how that is known, for the audit; of a verdict: why, for the two"},
    [CTL_OPTION_KEY]          = {"key", CTL_VALUE_TEXT, 0, 0, "FILE", "the arbiter's private key, PEM"},
    [CTL_OPTION_DISPUTE]      = {"dispute", CTL_VALUE_NUMBER, 1, 3, "N", "the number of the dispute"},
    [CTL_OPTION_HEAD]         = {"head", CTL_VALUE_TEXT, 0, 0, "HEX", "hash of the deal's last event, as its proof says it"},
    [CTL_OPTION_SELLER]       = {"seller-minor", CTL_VALUE_NUMBER, 0, NUMBER_MAX, "SUM", "the seller's part of what is frozen, in minor units"},
    [CTL_OPTION_BUYER]        = {"buyer-minor", CTL_VALUE_NUMBER, 0, NUMBER_MAX, "SUM", "the buyer's part"},
    [CTL_OPTION_HOURS]        = {"hours", CTL_VALUE_NUMBER, 1, 8760, "HOURS", "how far back (default: 24)"},
    [CTL_OPTION_JSON]         = {"json", CTL_VALUE_NONE, 0, 0, "", "print JSON"},
};

/* clang-format on */

static const char *placeholder_space(const struct ctl_option_row *row)
{
    return row->value == CTL_VALUE_NONE ? "" : " ";
}

static enum ctl_option option_of(struct str name)
{
    for (uint32_t i = 1; i < CTL_OPTION_COUNT; i++) {
        if (str_eq(name, str_of(ctl_options[i].name))) {
            return (enum ctl_option)i;
        }
    }
    return CTL_OPTION_NONE;
}

static STATUS set_value(struct op *op, struct ctl_args *args, enum ctl_option option,
                        struct str value)
{
    const struct ctl_option_row *row = &ctl_options[option];
    args->text[option] = value;
    if (!str_is_text(value) || value.len == 0) {
        return op_fail(op, STATUS_INVALID, "ctl.usage", "--%s must be text", row->name);
    }
    if (row->value == CTL_VALUE_UUID && !id_parse(value, &args->uuid[option])) {
        return op_fail(op, STATUS_INVALID, "ctl.usage", "--%s must be a UUID", row->name);
    }
    if (row->value == CTL_VALUE_NUMBER &&
        (!str_to_i64(value, &args->number[option]) || args->number[option] < row->min ||
         args->number[option] > row->max)) {
        return op_fail(op, STATUS_INVALID, "ctl.usage",
                       "--%s must be a number from %" PRId64 " to %" PRId64, row->name, row->min,
                       row->max);
    }
    return OK;
}

/* One option at argv[*at]; moves *at to the last word it used. */
static STATUS parse_option(struct op *op, struct ctl_args *args, int argc, char *const *argv,
                           int *at)
{
    ASSERT(args->command != NULL);
    struct str word = str_of(argv[*at]);
    struct str name = str_after(word, 2);
    struct str value = {.ptr = NULL, .len = 0};
    bool joined = str_cut(name, '=', &name, &value);
    enum ctl_option option = option_of(name);
    uint64_t known = args->command->required | args->command->optional | CTL_BIT(CTL_OPTION_JSON);
    if (option == CTL_OPTION_NONE || (known & CTL_BIT(option)) == 0) {
        return op_fail(op, STATUS_INVALID, "ctl.usage", "%s %s has no option --" STR_FMT,
                       args->command->noun, args->command->verb, STR_ARG(name));
    }
    if (ctl_args_given(args, option)) {
        return op_fail(op, STATUS_INVALID, "ctl.usage", "--" STR_FMT " is given twice",
                       STR_ARG(name));
    }
    args->given |= CTL_BIT(option);
    if (ctl_options[option].value == CTL_VALUE_NONE) {
        return joined ? op_fail(op, STATUS_INVALID, "ctl.usage", "--" STR_FMT " takes no value",
                                STR_ARG(name))
                      : OK;
    }
    if (!joined) {
        if (*at + 1 >= argc) {
            return op_fail(op, STATUS_INVALID, "ctl.usage", "--" STR_FMT " needs a value",
                           STR_ARG(name));
        }
        *at += 1;
        value = str_of(argv[*at]);
    }
    return set_value(op, args, option, value);
}

static STATUS parse_word(struct op *op, struct ctl_args *args, int argc, char *const *argv, int *at)
{
    ASSERT(args->command != NULL);
    struct str word = str_of(argv[*at]);
    if (str_has_prefix(word, STR("--"))) {
        return parse_option(op, args, argc, argv, at);
    }
    if (!args->command->argument || args->argument.ptr) {
        return op_fail(op, STATUS_INVALID, "ctl.usage", "what is '" STR_FMT "'?", STR_ARG(word));
    }
    args->argument = word;
    return OK;
}

static STATUS find_command(struct op *op, const struct ctl_command *commands,
                           uint32_t command_count, int argc, char *const *argv,
                           struct ctl_args *args)
{
    for (uint32_t i = 0; argc > 2 && i < command_count; i++) {
        if (str_eq(str_of(argv[1]), str_of(commands[i].noun)) &&
            str_eq(str_of(argv[2]), str_of(commands[i].verb))) {
            args->command = &commands[i];
            return OK;
        }
    }
    return op_fail(op, STATUS_INVALID, "ctl.usage", "no such command");
}

static STATUS check_complete(struct op *op, const struct ctl_args *args)
{
    const struct ctl_command *command = args->command;
    ASSERT(command != NULL);
    for (uint32_t i = 1; i < CTL_OPTION_COUNT; i++) {
        if ((command->required & CTL_BIT(i)) != 0 && (args->given & CTL_BIT(i)) == 0) {
            return op_fail(op, STATUS_INVALID, "ctl.usage", "%s %s needs --%s", command->noun,
                           command->verb, ctl_options[i].name);
        }
    }
    if (command->argument && !args->argument.ptr) {
        return op_fail(op, STATUS_INVALID, "ctl.usage", "%s %s needs %s", command->noun,
                       command->verb, command->argument);
    }
    return OK;
}

struct status ctl_args_parse(struct op *op, const struct ctl_command *commands,
                             uint32_t command_count, int argc, char *const *argv,
                             struct ctl_args *ret_args)
{
    *ret_args = (struct ctl_args){.command = NULL};
    TRY(find_command(op, commands, command_count, argc, argv, ret_args));
    for (int at = 3; at < argc; at++) {
        TRY(parse_word(op, ret_args, argc, argv, &at));
    }
    return check_complete(op, ret_args);
}

struct status ctl_args_duration(struct op *op, struct str text, int64_t *ret_us)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', DAY_SECONDS}};
    struct str digits = {.ptr = text.ptr, .len = text.len > 0 ? text.len - 1 : 0};
    int64_t number;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (text.len > 1 && text.ptr[text.len - 1] == units[i].unit &&
            str_to_i64(digits, &number) && number >= 1 &&
            number <= CTL_DURATION_MAX_DAYS * DAY_SECONDS / units[i].seconds) {
            *ret_us = number * units[i].seconds * CTL_SECOND_US;
            return OK;
        }
    }
    return op_fail(op, STATUS_INVALID, "ctl.usage",
                   "'" STR_FMT "' is no duration such as 90s, 30m, 36h or 7d", STR_ARG(text));
}

static void help_options(struct strbuf *buf, uint64_t bits, bool required)
{
    for (uint32_t i = 1; i < CTL_OPTION_COUNT; i++) {
        const struct ctl_option_row *row = &ctl_options[i];
        if ((bits & CTL_BIT(i)) != 0) {
            strbuf_addf(buf, required ? " --%s%s%s" : " [--%s%s%s]", row->name,
                        placeholder_space(row), row->placeholder);
        }
    }
}

struct status ctl_args_help(struct op *op, const struct ctl_command *commands,
                            uint32_t command_count, struct str noun, struct str *ret_text)
{
    struct strbuf buf;
    strbuf_init(&buf, op->arena, HELP_MAX_BYTES);
    uint64_t used = CTL_BIT(CTL_OPTION_JSON);
    strbuf_add(&buf, STR("usage: holdfastctl NOUN VERB [options] | help [NOUN] | --version | "
                         "--print-config-docs\n\n"));
    for (uint32_t i = 0; i < command_count; i++) {
        const struct ctl_command *command = &commands[i];
        if (noun.ptr && !str_eq(noun, str_of(command->noun))) {
            continue;
        }
        strbuf_addf(&buf, "  %s %s", command->noun, command->verb);
        if (command->argument) {
            strbuf_addf(&buf, " %s", command->argument);
        }
        help_options(&buf, command->required, true);
        help_options(&buf, command->optional, false);
        strbuf_addf(&buf, "\n      %s\n", command->help);
        used |= command->required | command->optional;
    }
    strbuf_add(&buf, STR("\nOptions:\n"));
    for (uint32_t i = 1; i < CTL_OPTION_COUNT; i++) {
        if ((used & CTL_BIT(i)) != 0) {
            strbuf_addf(&buf, "  --%-14s %s\n", ctl_options[i].name, ctl_options[i].help);
        }
    }
    strbuf_add(&buf,
               STR("\nExit codes: 0 all right; 1 the answer is no (something is off, pending, "
                   "refused); 2 wrong usage;\n3 the database, a file or the broker is not "
                   "available; 4 no such thing; 5 no answer in time; 70 a bug.\n"));
    return strbuf_finish(&buf, ret_text)
               ? OK
               : op_fail(op, STATUS_BUG, "ctl.help_too_long", "over %zu bytes", HELP_MAX_BYTES);
}
