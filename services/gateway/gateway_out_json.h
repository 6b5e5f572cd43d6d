#pragma once

#include "gateway/gateway_command.h"
#include "gateway/gateway_repo.h"

/* What clients see: rows as JSON, in op->arena. A field that is not for this role is null. */

#define GATEWAY_JSON_MAX_BYTES ((size_t)1024 * 1024)

/* What a deal's `milestones` are: an array, by rising number from 1. Empty text for none. */
STATUS gateway_out_milestones(struct op *op, const struct gateway_milestone *milestones,
                              uint32_t count, struct str *ret_json);

STATUS gateway_out_view(struct op *op, const struct gateway_view *view, enum gateway_role role,
                        struct str *ret_json);
/* A creation that is not projected: state PENDING, or REJECTED with code and sentence. */
STATUS gateway_out_pending(struct op *op, const struct gateway_deal *deal, enum gateway_role role,
                           struct str *ret_json);
/* {"items": [...], "next_cursor": ...}; a cursor of length 0 is null. */
STATUS gateway_out_list(struct op *op, const struct gateway_view *views, uint32_t count,
                        const struct gateway_caller *caller, struct str next_cursor,
                        struct str *ret_json);
/* {"items": [...], "next_after": ...}; next_after 0 is null. */
STATUS gateway_out_timeline(struct op *op, const struct gateway_entry *entries, uint32_t count,
                            enum gateway_role role, int64_t next_after, struct str *ret_json);
/* For whoever may see the user at all. */
STATUS gateway_out_user(struct op *op, const struct gateway_user *user, struct str *ret_json);
STATUS gateway_out_command(struct op *op, const struct gateway_command_row *command,
                           struct str *ret_json);
/* The answer to a command that was taken in: the same for every repetition. That to a creation shows what each
 * party will pay and get. */
STATUS gateway_out_accepted(struct op *op, const struct intake_request *request,
                            struct str *ret_json);
