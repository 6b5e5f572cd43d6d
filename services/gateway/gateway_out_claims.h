#pragma once

#include "gateway/gateway_account.h"

/* What users' lanes and claims' lanes post to each other. */

/* gateway.claims.v1: the user is to get the Discord id that it was asked to have. */
STATUS gateway_out_claim(struct engine_turn *turn, const struct engine_message *cause,
                         const struct gateway_account *next, const struct gateway_account_ask *ask);
/* gateway.claims.v1: one grant is not used (any more). */
STATUS gateway_out_claim_returned(struct engine_turn *turn, const struct engine_message *cause,
                                  const struct gateway_account *account, struct str discord_id);
/* gateway.commands.v1: what became of a claim, with what was asked. */
STATUS gateway_out_claim_answered(struct engine_turn *turn, const struct engine_message *cause,
                                  const struct gateway_account_ask *ask, bool granted);
