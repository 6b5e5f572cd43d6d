#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * What the checker found, as text: a broken rule never ends the program, so that it can say which
 * seed did it and go on. The first failure of each rule is kept whole, all are counted.
 */

enum sim_rule {
    SIM_RULE_NONE = 0,
    /* Money, by the provider's own count. */
    SIM_RULE_LEG_ONCE,     /* INV6: a leg moved money at most once */
    SIM_RULE_NO_OVERSPEND, /* INV3: an escrow never sends out more than came in for it */
    SIM_RULE_ONE_END,      /* INV11: a price is paid out or given back, never both */
    SIM_RULE_SAME_REQUEST, /* INV31: one idempotency key, one request */
    SIM_RULE_ASKED,        /* INV13: the provider was asked for nothing that was not committed */
    SIM_RULE_CREDITED,     /* INV12: credited is what the provider received, no more */
    SIM_RULE_STATEMENT,    /* INV9: every movement at the provider is in the ledger once */
    SIM_RULE_RIGHT_MONEY,  /* what goes out of a payment is of the leg that it paid */
    SIM_RULE_TERMS,        /* deals and what is asked of the provider are what people agreed on */
    /* The ledger. */
    SIM_RULE_TRANSFER,   /* INV2: amount above zero, two accounts, a currency */
    SIM_RULE_BALANCE,    /* INV1: stored balances are the sums of the transfers */
    SIM_RULE_TRANSITION, /* INV4: every transfer has its transition, which counts them */
    SIM_RULE_CHAIN,      /* INV37: the hash chain verifies */
    SIM_RULE_SOUND,      /* INV3: a row keeps what its CHECKs say */
    /* Records. */
    SIM_RULE_GAPLESS,   /* INV15: first occurrences are n = 1, 2, 3 in every partition, in time */
    SIM_RULE_SAME_N,    /* INV16: one n, one record, for ever */
    SIM_RULE_OUTBOX,    /* INV13: what was committed is what was published */
    SIM_RULE_SEQ,       /* INV15: events of one escrow are seq 1, 2, 3 */
    SIM_RULE_POSITION,  /* INV17: no consumer is ahead of the log */
    SIM_RULE_INBOX,     /* INV14: one message id, one content, one effect */
    SIM_RULE_ONE_EVENT, /* INV28: a leg settles once, whatever the provider tells */
    /* Time. */
    SIM_RULE_TOO_EARLY, /* INV32: nothing fires before it is due */
    /* Messages to people. */
    SIM_RULE_TOLD_ONCE,  /* one notice, one delivery, at most one message */
    SIM_RULE_TOLD_RIGHT, /* a message went to whom it is for */
    SIM_RULE_TOLD_ALL,   /* every event that a party is told of has its delivery */
    SIM_RULE_TOLD_ORDER, /* one after the other, and what was known in time in the order of what happened */
    /* Once faults have stopped and all is drained. */
    SIM_RULE_OUTCOME,   /* INV33: every request has its outcome */
    SIM_RULE_TAKEN,     /* INV33: what somebody was told is taken is kept, and was decided */
    SIM_RULE_CAUGHT_UP, /* INV40: every record was consumed */
    SIM_RULE_EFFECTS,   /* INV40: nothing is still being asked of the outside */
    SIM_RULE_PARKED,    /* INV39: only what is poisoned is parked */
    SIM_RULE_RESTORED,  /* R18: what a restored database lacked was taken back and decided again */
    SIM_RULE_ENDED,     /* INV40: deals have ended, or wait for a clock or a person */
    SIM_RULE_PAYABLE,   /* what nobody waits for can be paid no more */
    SIM_RULE_TIMERS,    /* INV32: a clock runs where the deal says so and nowhere else */
    SIM_RULE_LOOKS,     /* what is not settled is looked at, by one question or a timer */
    SIM_RULE_VIEWS,     /* the read model says what escrow says */
    SIM_RULE_STOPPED,   /* no lane is stopped */
    SIM_RULE_COUNT,
};

#define SIM_VERDICT_TEXT_BYTES 256

struct sim_verdict {
    uint32_t failures; /* of all rules */
    uint32_t counts[SIM_RULE_COUNT];
    enum sim_rule first;
    char texts[SIM_RULE_COUNT][SIM_VERDICT_TEXT_BYTES]; /* the first failure of each */
};

/* "INV6 leg once" */
const char *sim_rule_name(enum sim_rule rule);
void sim_verdict_fail(struct sim_verdict *verdict, enum sim_rule rule, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The first broken rule and what broke it, in one line; "" when nothing is broken. */
const char *sim_verdict_line(const struct sim_verdict *verdict);
