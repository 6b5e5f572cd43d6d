#pragma once

#include "engine/engine.h"

/* payments.signals.v1 (payments_signal_decode) -> decisions -> payments.events.v1.
 *
 * engine_handler.decide. STATUS_NOT_FOUND "payments.no_payment_yet" for an escrow that payments
 * never heard of: after a restore the signal may come before the command that makes the payment,
 * and waits for it. */
STATUS payments_in_signals_decide(struct engine_turn *turn, const struct engine_message *message);

/* engine_service.again: the signal of a row of `webhook`, as it is read by now. STATUS_CONFLICT "payments.no_signal": the
 * event is about no leg of ours. */
STATUS payments_in_signals_again(struct op *op, const void *row, struct id id,
                                 struct bus_record *ret_record);
