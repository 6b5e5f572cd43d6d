#pragma once

#include "base/op.h"
#include "escrow/escrow_decide.h"

/* Packs records as gateway, payments and oracle would, for the tests of the handlers. */

/* An EscrowCommand; message->kind is a command. */
STATUS records_command(struct op *op, const struct escrow_message *message, struct id id,
                       struct str *ret_value);
/* A PaymentsEvent; message->kind is news. */
STATUS records_news(struct op *op, const struct escrow_message *message, struct id id,
                    struct str *ret_value);
/* An OracleEvent; message->kind is TIMER_FIRED. It was due when it fired. */
STATUS records_firing(struct op *op, const struct escrow_message *message, struct id id,
                      struct str *ret_value);
