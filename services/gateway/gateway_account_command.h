#pragma once

#include "base/op.h"
#include "engine/intake.h"
#include "gateway/gateway.h"
#include "gateway/gateway_account.h"

/* From what a request asks about a user to what enters gateway.commands.v1; as gateway_command.h. */

struct gateway_account_order {
    enum gateway_account_verb verb;
    struct gateway_caller caller;
    struct str key;          /* Idempotency-Key */
    struct id user_id;       /* none for REGISTER: it is derived */
    struct str display_name; /* REGISTER, checked */
    struct str discord_id;   /* checked; REGISTER: may be empty */
    int64_t now_us;          /* when it was asked */
};

struct gateway_account_command {
    struct intake_request request;          /* extra_row points to pending; key is the user's id */
    struct gateway_account_pending pending; /* REGISTER */
};

STATUS gateway_account_command_make(struct op *op, const struct gateway_account_order *order,
                                    struct gateway_account_command *ret_command);
