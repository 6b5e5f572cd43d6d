#pragma once

#include "gateway/gateway_account.h"

/* accounts.events.v1: what became of a user, as the account is now. */
STATUS gateway_out_account_event(struct engine_turn *turn, const struct engine_message *cause,
                                 enum gateway_account_news news,
                                 const struct gateway_account *account);
