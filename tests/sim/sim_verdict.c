/* Failures in, one line for a person out. */
#include "sim_verdict.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"

static const char *const names[SIM_RULE_COUNT] = {
    [SIM_RULE_NONE] = "",
    [SIM_RULE_LEG_ONCE] = "INV6 leg-once",
    [SIM_RULE_NO_OVERSPEND] = "INV3 no-overspend",
    [SIM_RULE_ONE_END] = "INV11 one-end",
    [SIM_RULE_SAME_REQUEST] = "INV31 same-request",
    [SIM_RULE_ASKED] = "INV13 asked",
    [SIM_RULE_CREDITED] = "INV12 credited",
    [SIM_RULE_STATEMENT] = "INV9 statement",
    [SIM_RULE_RIGHT_MONEY] = "right-money",
    [SIM_RULE_TERMS] = "terms",
    [SIM_RULE_TRANSFER] = "INV2 transfer",
    [SIM_RULE_BALANCE] = "INV1 balance",
    [SIM_RULE_TRANSITION] = "INV4 transition",
    [SIM_RULE_CHAIN] = "INV37 chain",
    [SIM_RULE_SOUND] = "INV3 sound",
    [SIM_RULE_GAPLESS] = "INV15 gapless",
    [SIM_RULE_SAME_N] = "INV16 same-n",
    [SIM_RULE_OUTBOX] = "INV13 outbox",
    [SIM_RULE_SEQ] = "INV15 seq",
    [SIM_RULE_POSITION] = "INV17 position",
    [SIM_RULE_INBOX] = "INV14 inbox",
    [SIM_RULE_ONE_EVENT] = "INV28 one-event",
    [SIM_RULE_TOO_EARLY] = "INV32 too-early",
    [SIM_RULE_TOLD_ONCE] = "told-once",
    [SIM_RULE_TOLD_RIGHT] = "told-right",
    [SIM_RULE_TOLD_ALL] = "told-all",
    [SIM_RULE_TOLD_ORDER] = "told-order",
    [SIM_RULE_OUTCOME] = "INV33 outcome",
    [SIM_RULE_TAKEN] = "INV33 taken",
    [SIM_RULE_CAUGHT_UP] = "INV40 caught-up",
    [SIM_RULE_EFFECTS] = "INV40 effects",
    [SIM_RULE_PARKED] = "INV39 parked",
    [SIM_RULE_RESTORED] = "R18 restored",
    [SIM_RULE_ENDED] = "INV40 ended",
    [SIM_RULE_PAYABLE] = "payable",
    [SIM_RULE_TIMERS] = "INV32 timers",
    [SIM_RULE_LOOKS] = "looks",
    [SIM_RULE_VIEWS] = "views",
    [SIM_RULE_STOPPED] = "stopped",
};

const char *sim_rule_name(enum sim_rule rule)
{
    ASSERT(rule < SIM_RULE_COUNT);
    return names[rule];
}

void sim_verdict_fail(struct sim_verdict *verdict, enum sim_rule rule, const char *format, ...)
{
    ASSERT(rule > SIM_RULE_NONE);
    ASSERT(rule < SIM_RULE_COUNT);
    verdict->failures++;
    if (verdict->first == SIM_RULE_NONE) {
        verdict->first = rule;
    }
    if (verdict->counts[rule]++ > 0) {
        return;
    }
    int len = snprintf(verdict->texts[rule], SIM_VERDICT_TEXT_BYTES, "%s: ", names[rule]);
    ASSERT(len > 0);
    ASSERT(len < SIM_VERDICT_TEXT_BYTES);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(verdict->texts[rule] + len, SIM_VERDICT_TEXT_BYTES - (size_t)len, format,
                    arguments);
    va_end(arguments);
}

const char *sim_verdict_line(const struct sim_verdict *verdict)
{
    return verdict->texts[verdict->first];
}
