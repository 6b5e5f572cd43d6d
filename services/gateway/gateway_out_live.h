#pragma once

#include "gateway/gateway_live_repo.h"
#include "gateway/gateway_out_json.h"

/* The first event of a stream: {"caller": {"kind", "id"}, "escrows": [...], "commands": [...],
 * "more": false}. Deals and commands look as they do everywhere else; a deal that is not for this
 * caller is left out. */
STATUS gateway_out_live_start(struct op *op, const struct gateway_live_start *start,
                              const struct gateway_caller *caller, struct id escrow_id,
                              struct str *ret_json);
