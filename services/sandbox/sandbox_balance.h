#pragma once

#include "sandbox/sandbox_world.h"

/* The account's balance: a line for everything that moved, as the real provider keeps it. Caller holds the sandbox's lock. */

/* What moved. False: the world is full. */
MUST_CHECK bool sandbox_balance_paid(struct sandbox_world *world,
                                     const struct sandbox_intent *intent, int64_t now_s);
MUST_CHECK bool sandbox_balance_transferred(struct sandbox_world *world,
                                            const struct sandbox_transfer *transfer, int64_t now_s);
MUST_CHECK bool sandbox_balance_refunded(struct sandbox_world *world,
                                         const struct sandbox_refund *refund, int64_t now_s);
/* The buyer's bank sent it back. */
MUST_CHECK bool sandbox_balance_came_back(struct sandbox_world *world,
                                          const struct sandbox_refund *refund, int64_t now_s);
/* What nobody did: of no object. */
MUST_CHECK bool sandbox_balance_invent(struct sandbox_world *world, struct str type,
                                       int64_t amount_minor, int64_t now_s);

/* The last line of this type of the escrow, one that is lost or one that is not; NULL: there is none. */
struct sandbox_line *sandbox_balance_find(const struct sandbox_world *world, struct str type,
                                          struct str escrow_id, bool lost);
