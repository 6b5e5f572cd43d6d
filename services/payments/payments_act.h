#pragma once

#include "engine/engine.h"
#include "payments/payments_decide.h"

/* Between the engine and the pure decisions: the view that a decision gets, and what it decided put
 * into rows, records and effects. */

/* The payment of the turn's key and its legs; borrowed from the batch. */
STATUS payments_act_view(struct engine_turn *turn, struct payments_view *ret_view);

/* A person is told (`payments.alarm`), once the decision is committed. */
STATUS payments_act_alarm(struct engine_turn *turn, const struct engine_message *cause,
                          struct str code);

/* The one timer of a payment: the next of its legs is to be looked at. */
#define PAYMENTS_TIMER_LOOK 1

/* Sets the timer, if a leg is to be looked at before it is due. */
STATUS payments_act_wait(struct engine_turn *turn);

/* Carries a decision out. BROKEN is STATUS_BUG with the decision's code: the key is parked. */
STATUS payments_act(struct engine_turn *turn, const struct engine_message *cause,
                    const struct payments_decision *decision);
