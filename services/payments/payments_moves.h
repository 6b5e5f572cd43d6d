#pragma once

#include "payments/payments_decide.h"

/* The table of moves: what a fact does to a leg of a kind in a state. */

/* All zero: nothing. */
struct payments_move {
    enum leg_state next;            /* LEG_STATE_NONE: the state stays */
    enum payments_event_kind event; /* PAYMENTS_EVENT_NONE: nobody is told */
    bool announces;                 /* an intent that nobody heard of is announced first */
    const char *alarm;              /* a person should know */
};

const struct payments_move *payments_moves_find(enum leg_kind kind, enum leg_state state,
                                                enum payments_fact_kind fact);
