/* In: seals and leaves, a seal at a time. Out: findings. */
#include "holdfastctl/ctl_seals.h"

#include <inttypes.h>

#include "base/defer.h"
#include "holdfastctl_sql.h"
#include "pg/pg_batch.h"

#define SEAL_ARENA_BYTES ((size_t)8 * 1024 * 1024)

/* Columns by their place in the descriptors of escrow_seal.c. */
#define SEAL_N 0
#define LEAF_SEAL_N 1
#define LEAF_INDEX 2

static const struct table_scan seals_after = {.name = "seals_after",
                                              .table = &escrow_seal_table,
                                              .filter = TABLE_NO_COLUMN,
                                              .order = SEAL_N,
                                              .bound = SCAN_ABOVE};
static const struct table_scan leaves_of = {.name = "leaves_of",
                                            .table = &escrow_seal_leaf_table,
                                            .filter = TABLE_NO_COLUMN,
                                            .equal_count = 1,
                                            .equal = {LEAF_SEAL_N},
                                            .order = LEAF_INDEX,
                                            .bound = SCAN_ALL};

STATUS ctl_seals_leaves(struct op *op, struct pg_conn *conn, int64_t n, struct hash **ret_hashes,
                        uint32_t *ret_count)
{
    const struct escrow_seal_leaf like = {.seal_n = n};
    struct pg_batch_rows rows;
    TRY(pg_batch_scan(op, conn, &leaves_of, &like, 0, ESCROW_SEAL_LEAVES_MAX + 1, &rows));
    TRY(pg_batch_sync(op, conn));
    const struct escrow_seal_leaf *leaves = rows.rows;
    struct hash *hashes = arena_new(op->arena, struct hash, rows.count);
    if (!hashes) {
        return op_arena_full(op);
    }
    for (uint32_t i = 0; i < rows.count; i++) {
        hashes[i] = escrow_seal_leaf_hash(&leaves[i]);
    }
    *ret_hashes = hashes;
    *ret_count = rows.count;
    return OK;
}

STATUS ctl_seals_next(struct op *op, struct pg_conn *conn, int64_t after_n,
                      const struct escrow_seal **ret_seal)
{
    struct pg_batch_rows rows;
    TRY(pg_batch_scan(op, conn, &seals_after, &(struct escrow_seal){.n = 0}, after_n, 1, &rows));
    TRY(pg_batch_sync(op, conn));
    *ret_seal = rows.count > 0 ? rows.rows : NULL;
    return OK;
}

/* *ret_done: there was no further one. Rows live in op's arena, findings in found_op's. */
static STATUS verify_next(struct op *op, struct op *found_op, struct pg_conn *conn,
                          struct ctl_last_seal *last, const struct ctl_keys *keys,
                          struct ctl_verification *verification, bool *ret_done)
{
    const struct escrow_seal *seal = NULL;
    struct hash *leaves = NULL;
    uint32_t count = 0;
    TRY(ctl_seals_next(op, conn, last->n, &seal));
    *ret_done = seal == NULL;
    if (!seal) {
        return OK;
    }
    TRY(ctl_seals_leaves(op, conn, seal->n, &leaves, &count));
    ctl_verify_seal(found_op, verification, seal, last, leaves, count);
    if (keys) {
        ctl_verify_signature(found_op, verification, (struct id){.bytes = {0}}, seal, keys);
    }
    *last = (struct ctl_last_seal){.n = seal->n, .hash = seal->hash};
    return OK;
}

/* The sealer goes on from what it remembers: that must be the last one. */
static STATUS verify_end(struct op *op, struct pg_conn *conn, const struct ctl_last_seal *last,
                         struct ctl_verification *verification)
{
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    struct ctl_last_seal kept;
    TRY(pg_query(op, conn, &holdfastctl_sql_sealer_last, /* params */ NULL, 0, &rows));
    TRY(pg_rows_i64(op, rows, 0, "last_n", &kept.n));
    TRY(pg_rows_hash(op, rows, 0, "last_hash", &kept.hash));
    if (kept.n != last->n || !hash_eq(&kept.hash, &last->hash)) {
        ctl_verify_add(op, verification, (struct id){.bytes = {0}}, "seal_last",
                       "the last seal is %" PRId64 ", the sealer made %" PRId64, last->n, kept.n);
    }
    return OK;
}

STATUS ctl_seals_verify(struct op *op, struct pg_conn *conn, const struct ctl_keys *keys,
                        struct ctl_verification *verification)
{
    DEFER(arena_fini) struct arena arena;
    struct ctl_last_seal last = {.n = 0};
    bool done = false;
    arena_init(&arena, SEAL_ARENA_BYTES);
    while (!done) {
        struct op seal_op = {.arena = &arena, .correlation_id = op->correlation_id};
        arena_reset(&arena);
        struct status st = verify_next(&seal_op, op, conn, &last, keys, verification, &done);
        if (status_failed(st)) {
            op->err = seal_op.err;
            return st;
        }
    }
    return verify_end(op, conn, &last, verification);
}
