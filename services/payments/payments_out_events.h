#pragma once

#include "engine/engine.h"
#include "payments/payments_decide.h"

/* Publishes one event of a decision about `cause` on payments.events.v1. */
STATUS payments_out_event(struct engine_turn *turn, const struct engine_message *cause,
                          const struct payments_event *event);

/* The packed record alone: for tests and for what reads golden records. */
STATUS payments_out_event_pack(struct op *op, const struct engine_message *cause, struct id id,
                               const struct payments_event *event, struct str *ret_type,
                               struct str *ret_payload);
