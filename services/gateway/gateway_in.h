#pragma once

#include "engine/engine.h"
#include "gateway/gateway_decide.h"

/* The handlers of all topics. */

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

/* News of a deal: both topics above. */
STATUS gateway_in_decide(struct engine_turn *turn, const struct engine_message *message);

/* escrow.seals.v1 */
STATUS gateway_in_seals_decode(struct op *op, const struct bus_record *record,
                               struct engine_message *ret_message);
STATUS gateway_in_seals_decide(struct engine_turn *turn, const struct engine_message *message);

/* gateway.commands.v1 */
STATUS gateway_in_accounts_decode(struct op *op, const struct bus_record *record,
                                  struct engine_message *ret_message);
STATUS gateway_in_accounts_decide(struct engine_turn *turn, const struct engine_message *message);
STATUS gateway_in_accounts_dropped(struct engine_turn *turn, const struct engine_message *message);

/* gateway.claims.v1 */
STATUS gateway_in_claims_decode(struct op *op, const struct bus_record *record,
                                struct engine_message *ret_message);
STATUS gateway_in_claims_decide(struct engine_turn *turn, const struct engine_message *message);
STATUS gateway_in_claims_dropped(struct engine_turn *turn, const struct engine_message *message);
