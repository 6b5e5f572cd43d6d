#pragma once

#include "holdfastctl/ctl_verify.h"
#include "pg/pg.h"

/* Seals as the schema of escrow has them. */

/* The first seal after this number; NULL: there is none. */
STATUS ctl_seals_next(struct op *op, struct pg_conn *conn, int64_t after_n,
                      const struct escrow_seal **ret_seal);
/* The hashes of a seal's leaves, in their order. */
STATUS ctl_seals_leaves(struct op *op, struct pg_conn *conn, int64_t n, struct hash **ret_hashes,
                        uint32_t *ret_count);

/* Every seal with its leaves, one after the other; keys NULL: their signatures are not looked at. In the
 * open snapshot of conn. */
STATUS ctl_seals_verify(struct op *op, struct pg_conn *conn, const struct ctl_keys *keys,
                        struct ctl_verification *verification);
