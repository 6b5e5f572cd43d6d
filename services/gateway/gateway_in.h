#pragma once

#include "engine/engine.h"
#include "gateway/gateway_decide.h"

/* What the handlers of both topics share. */

/* The service as the engine sees it (gateway_service.c). */
extern const struct engine_service gateway_service;

/* escrow.events.v1 */
STATUS gateway_in_events_decode(struct op *op, const struct bus_record *record,
                                struct engine_message *ret_message);
/* Closes the command that caused the event. */
enum intake_outcome gateway_in_events_outcome(const struct engine_message *message,
                                              struct str *ret_code, struct str *ret_sentence);
/* payments.events.v1 */
STATUS gateway_in_payments_decode(struct op *op, const struct bus_record *record,
                                  struct engine_message *ret_message);

/* Decides a decoded message and hands what follows to the engine. */
STATUS gateway_in_decide(struct engine_turn *turn, const struct engine_message *message);
