#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "base/op.h"
#include "base/str.h"

/*
 * The command line: `holdfastctl NOUN VERB [ARGUMENT] [--option value]`. Which commands there are,
 * and which options each knows, is one const table (ctl_commands.c); help comes from the same table.
 */

enum ctl_option {
    CTL_OPTION_NONE = 0,
    CTL_OPTION_DATABASE_URL,
    CTL_OPTION_BROKERS,
    CTL_OPTION_DIR,
    CTL_OPTION_KIND,
    CTL_OPTION_USER,
    CTL_OPTION_ACCOUNT,
    CTL_OPTION_LABEL,
    CTL_OPTION_DAYS,
    CTL_OPTION_LIVE,
    CTL_OPTION_SIGNED,
    CTL_OPTION_ATTENTION,
    CTL_OPTION_SERVICE,
    CTL_OPTION_REQUESTED_BY,
    CTL_OPTION_APPROVED_BY,
    CTL_OPTION_TOPIC,
    CTL_OPTION_LANE,
    CTL_OPTION_N,
    CTL_OPTION_STATE,
    CTL_OPTION_ESCROW,
    CTL_OPTION_LIMIT,
    CTL_OPTION_REPLICATION,
    CTL_OPTION_WAIT,
    CTL_OPTION_SEAL_KEYS,
    CTL_OPTION_OUT,
    CTL_OPTION_EVIDENCE,
    CTL_OPTION_OUTCOME,
    CTL_OPTION_OBJECT,
    CTL_OPTION_SHA256,
    CTL_OPTION_REASON,
    CTL_OPTION_KEY,
    CTL_OPTION_DISPUTE,
    CTL_OPTION_HEAD,
    CTL_OPTION_SELLER,
    CTL_OPTION_BUYER,
    CTL_OPTION_HOURS,
    CTL_OPTION_JSON,
    CTL_OPTION_COUNT,
};

#define CTL_BIT(option) (UINT64_C(1) << (option))

enum ctl_value {
    CTL_VALUE_NONE = 0, /* a switch */
    CTL_VALUE_TEXT,
    CTL_VALUE_UUID,
    CTL_VALUE_NUMBER, /* within min and max */
    CTL_VALUE_COUNT,
};

struct ctl_option_row {
    const char *name; /* without the dashes */
    enum ctl_value value;
    int64_t min;
    int64_t max;
    const char *placeholder;
    const char *help;
};

extern const struct ctl_option_row ctl_options[CTL_OPTION_COUNT];

struct ctl;

/* Does the work; what it prints goes through ctl_out. */
typedef struct status ctl_run(struct op *op, struct ctl *ctl);

struct ctl_command {
    const char *noun;
    const char *verb;
    const char *argument; /* placeholder of the one positional argument; NULL: none */
    uint64_t required;    /* CTL_BIT(option)s */
    uint64_t optional;    /* besides --json */
    ctl_run *run;
    const char *help;
};

struct ctl_args {
    const struct ctl_command *command;
    struct str argument;
    uint64_t given; /* CTL_BIT(option)s */
    struct str text[CTL_OPTION_COUNT];
    struct id uuid[CTL_OPTION_COUNT];
    int64_t number[CTL_OPTION_COUNT];
};

/* STATUS_INVALID with "ctl.usage" and a sentence in op->err for everything that is not in the table. */
STATUS ctl_args_parse(struct op *op, const struct ctl_command *commands, uint32_t command_count,
                      int argc, char *const *argv, struct ctl_args *ret_args);

#define CTL_SECOND_US INT64_C(1000000)
#define CTL_DURATION_MAX_DAYS 3650

/* "90s", "30m", "36h", "7d": a whole number above zero and a unit, CTL_DURATION_MAX_DAYS at most. Else
 * STATUS_INVALID "ctl.usage". */
STATUS ctl_args_duration(struct op *op, struct str text, int64_t *ret_us);

static inline bool ctl_args_given(const struct ctl_args *args, enum ctl_option option)
{
    return (args->given & CTL_BIT(option)) != 0;
}

/* All commands, or those of one noun (ptr NULL: all), with their options. */
STATUS ctl_args_help(struct op *op, const struct ctl_command *commands, uint32_t command_count,
                     struct str noun, struct str *ret_text);
