/* Every move of a leg, as one table, and the table as text. */
#include "payments/payments_moves.h"

#include "base/assert.h"

static const char alarm_contradiction[] = "payments.contradiction";
static const char alarm_taken_back[] = "payments.refund_taken_back";

/* clang-format off */
static const struct payments_move moves[LEG_KIND_COUNT][LEG_STATE_COUNT][PAYMENTS_FACT_COUNT] = {
    [LEG_IN] = {
        [LEG_ASKED] = {
            /* Only our own answer has the secret that the buyer needs: the announcement waits for it. */
            [PAYMENTS_FACT_MADE]      = {.next = LEG_OPEN, .event = PAYMENTS_PAYMENT_INTENT_CREATED},
            [PAYMENTS_FACT_SUCCEEDED] = {.next = LEG_DONE, .event = PAYMENTS_PAYMENT_SUCCEEDED, .announces = true},
            [PAYMENTS_FACT_CANCELED]  = {.next = LEG_CANCELED, .event = PAYMENTS_PAYMENT_CANCELED, .announces = true},
            [PAYMENTS_FACT_FAILED]    = {.next = LEG_FAILED, .event = PAYMENTS_PAYMENT_FAILED},
        },
        [LEG_OPEN] = {
            [PAYMENTS_FACT_DECLINED]  = {.event = PAYMENTS_PAYMENT_FAILED},
            [PAYMENTS_FACT_SUCCEEDED] = {.next = LEG_DONE, .event = PAYMENTS_PAYMENT_SUCCEEDED},
            [PAYMENTS_FACT_CANCELED]  = {.next = LEG_CANCELED, .event = PAYMENTS_PAYMENT_CANCELED},
            [PAYMENTS_FACT_FAILED]    = {.alarm = alarm_contradiction},
        },
        [LEG_DONE] = {
            [PAYMENTS_FACT_CANCELED]  = {.alarm = alarm_contradiction},
            [PAYMENTS_FACT_FAILED]    = {.alarm = alarm_contradiction},
        },
        /* Money that arrived is never refused, whatever was believed before. */
        [LEG_FAILED] = {
            [PAYMENTS_FACT_EXISTS]    = {.alarm = alarm_contradiction},
            [PAYMENTS_FACT_MADE]      = {.alarm = alarm_contradiction},
            [PAYMENTS_FACT_DECLINED]  = {.alarm = alarm_contradiction},
            [PAYMENTS_FACT_SUCCEEDED] = {.next = LEG_DONE, .event = PAYMENTS_PAYMENT_SUCCEEDED, .announces = true, .alarm = alarm_contradiction},
        },
        [LEG_CANCELED] = {
            [PAYMENTS_FACT_SUCCEEDED] = {.next = LEG_DONE, .event = PAYMENTS_PAYMENT_SUCCEEDED, .alarm = alarm_contradiction},
            [PAYMENTS_FACT_FAILED]    = {.alarm = alarm_contradiction},
        },
    },
    [LEG_TRANSFER] = {
        [LEG_ASKED] = {
            [PAYMENTS_FACT_SUCCEEDED] = {.next = LEG_DONE, .event = PAYMENTS_TRANSFER_SUCCEEDED},
            [PAYMENTS_FACT_FAILED]    = {.next = LEG_FAILED, .event = PAYMENTS_TRANSFER_FAILED},
        },
        [LEG_DONE] = {
            [PAYMENTS_FACT_FAILED]    = {.alarm = alarm_contradiction},
        },
        /* A transfer that exists at the provider has moved money: the books must say so. */
        [LEG_FAILED] = {
            [PAYMENTS_FACT_SUCCEEDED] = {.next = LEG_DONE, .event = PAYMENTS_TRANSFER_SUCCEEDED, .alarm = alarm_contradiction},
        },
    },
    [LEG_REFUND] = {
        [LEG_ASKED] = {
            [PAYMENTS_FACT_EXISTS]    = {.next = LEG_OPEN},
            [PAYMENTS_FACT_MADE]      = {.next = LEG_OPEN},
            [PAYMENTS_FACT_SUCCEEDED] = {.next = LEG_DONE, .event = PAYMENTS_REFUND_SUCCEEDED},
            [PAYMENTS_FACT_CANCELED]  = {.next = LEG_FAILED, .event = PAYMENTS_REFUND_FAILED},
            [PAYMENTS_FACT_FAILED]    = {.next = LEG_FAILED, .event = PAYMENTS_REFUND_FAILED},
        },
        [LEG_OPEN] = {
            [PAYMENTS_FACT_SUCCEEDED] = {.next = LEG_DONE, .event = PAYMENTS_REFUND_SUCCEEDED},
            [PAYMENTS_FACT_CANCELED]  = {.next = LEG_FAILED, .event = PAYMENTS_REFUND_FAILED},
            [PAYMENTS_FACT_FAILED]    = {.next = LEG_FAILED, .event = PAYMENTS_REFUND_FAILED},
        },
        /* A bank can send a refund back days after it succeeded: the money is ours to owe again. */
        [LEG_DONE] = {
            [PAYMENTS_FACT_CANCELED]  = {.next = LEG_FAILED, .event = PAYMENTS_REFUND_FAILED, .alarm = alarm_taken_back},
            [PAYMENTS_FACT_FAILED]    = {.next = LEG_FAILED, .event = PAYMENTS_REFUND_FAILED, .alarm = alarm_taken_back},
        },
        /* Its money was told to be back: the escrow may have asked anew, so nothing is undone here. */
        [LEG_FAILED] = {
            [PAYMENTS_FACT_EXISTS]    = {.alarm = alarm_contradiction},
            [PAYMENTS_FACT_MADE]      = {.alarm = alarm_contradiction},
            [PAYMENTS_FACT_SUCCEEDED] = {.alarm = alarm_contradiction},
        },
    },
};

/* clang-format on */

const struct payments_move *payments_moves_find(enum leg_kind kind, enum leg_state state,
                                                enum payments_fact_kind fact)
{
    ASSERT(kind < LEG_KIND_COUNT);
    ASSERT(state < LEG_STATE_COUNT);
    ASSERT(fact < PAYMENTS_FACT_COUNT);
    return &moves[kind][state][fact];
}
