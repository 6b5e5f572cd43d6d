/* In: events that were not sealed yet. Out: a seal, its leaves, the accounts' totals, and a message for the lane of each escrow. */
#include <string.h>

#include "engine/engine_tables.h"
#include "escrow/escrow_out_seals.h"
#include "escrow/escrow_sealer.h"
#include "escrow_sql.h"
#include "pg/pg_batch.h"

/* Of each lane in one seal, so that all of them never hold more than a seal's leaves. */
#define LANE_EVENTS_MAX (ESCROW_SEAL_LEAVES_MAX / TOPOLOGY_PARTITIONS)

const struct pg_stmt *const *const escrow_sealer_stmts = escrow_sql_all;
const uint32_t escrow_sealer_stmt_count = ESCROW_SQL_COUNT;

/* One look's work, all in its arena. */
struct look {
    const struct sign_secret *key;
    struct escrow_seal seal;
    struct escrow_seal_leaf *leaves;
    struct hash *hashes;
    /* Of each leaf: its escrow, and from which transition on, to which, it is sealed now. */
    struct id *ids;
    int64_t *above_seqs, *upto_seqs;
    uint32_t count;
    struct signature signature;
};

static STATUS take(struct op *op, struct pg_conn *conn, int64_t period_us, struct look *look,
                   bool *ret_taken)
{
    const struct pg_param params[] = {PG_I64(period_us)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &escrow_sql_sealer_take, params, ARRAY_LEN(params), &rows));
    *ret_taken = pg_rows_count(rows) > 0;
    if (*ret_taken) {
        TRY(pg_rows_i64(op, rows, 0, "last_n", &look->seal.n));
        TRY(pg_rows_hash(op, rows, 0, "last_hash", &look->seal.prev));
        TRY(pg_rows_i64(op, rows, 0, "now_us", &look->seal.at_us));
    }
    return OK;
}

static struct str events_topic(void)
{
    return str_of(topology_topics[TOPIC_ESCROW_EVENTS_V1].name);
}

static STATUS read_changed(struct op *op, struct pg_conn *conn, struct look *look)
{
    const struct pg_param params[] = {PG_TEXT(events_topic()), PG_I16(TOPIC_ESCROW_EVENTS_V1),
                                      PG_I64(LANE_EVENTS_MAX)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &escrow_sql_sealer_changed, params, ARRAY_LEN(params), &rows));
    look->count = pg_rows_count(rows);
    look->leaves = arena_new(op->arena, struct escrow_seal_leaf, look->count);
    look->hashes = arena_new(op->arena, struct hash, look->count);
    look->ids = arena_new(op->arena, struct id, look->count);
    look->above_seqs = arena_new(op->arena, int64_t, look->count);
    look->upto_seqs = arena_new(op->arena, int64_t, look->count);
    if (!look->leaves || !look->hashes || !look->ids || !look->above_seqs || !look->upto_seqs) {
        return op_arena_full(op);
    }
    for (uint32_t i = 0; i < look->count; i++) {
        struct escrow_seal_leaf *leaf = &look->leaves[i];
        leaf->seal_n = look->seal.n + 1;
        leaf->leaf_index = i;
        TRY(pg_rows_id(op, rows, i, "id", &leaf->escrow_id));
        TRY(pg_rows_i64(op, rows, i, "seq", &leaf->seq));
        TRY(pg_rows_hash(op, rows, i, "chain_head", &leaf->head));
        TRY(pg_rows_i64(op, rows, i, "prev_seal_n", &leaf->prev_seal_n));
        TRY(pg_rows_i64(op, rows, i, "prev_seq", &look->above_seqs[i]));
        look->ids[i] = leaf->escrow_id;
        look->upto_seqs[i] = leaf->seq;
        look->hashes[i] = escrow_seal_leaf_hash(leaf);
    }
    return OK;
}

static void make_seal(struct look *look)
{
    struct escrow_seal *seal = &look->seal;
    struct sign_public public_key = sign_public_of(look->key);
    char memory[ESCROW_SEAL_TEXT_BYTES];
    seal->n++;
    seal->leaf_count = look->count;
    seal->root = escrow_seal_root(look->hashes, look->count);
    seal->key_id = sign_key_id(&public_key);
    look->signature = sign_text(look->key, escrow_seal_text(seal, memory));
    seal->signature = (struct str){.ptr = (const char *)look->signature.bytes, .len = SIGN_BYTES};
    seal->hash = escrow_seal_hash(seal);
}

/* Due at once: the sweep of the escrow's lane publishes it. */
static STATUS make_message(struct op *op, const struct look *look, uint32_t index, struct id id,
                           struct intake_row *ret_row)
{
    struct hash path[ESCROW_SEAL_PATH_MAX];
    const struct escrow_seal_proof proof = {
        .seal = &look->seal,
        .leaf = &look->leaves[index],
        .path = path,
        .path_count = escrow_seal_path(look->hashes, look->count, index, path),
    };
    struct str type;
    struct str payload;
    TRY(escrow_out_seal_message(op, id, &proof, &type, &payload));
    *ret_row =
        intake_row_of(TOPIC_ESCROW_MESSAGES_V1, id, type, look->leaves[index].escrow_id, payload);
    ret_row->created_at_us = look->seal.at_us;
    ret_row->due_at_us = look->seal.at_us;
    return OK;
}

/* Its messages' ids come from the seal, of which there is one, whoever made it. */
static struct id first_id(const struct escrow_seal *seal)
{
    struct id of_seal;
    memcpy(of_seal.bytes, seal->hash.bytes, sizeof(of_seal.bytes));
    return id_derive(of_seal, seal->at_us);
}

static STATUS store_seal(struct op *op, struct pg_conn *conn, const struct look *look)
{
    const void *seal_row[] = {&look->seal};
    const void **leaf_rows = arena_new(op->arena, const void *, look->count);
    const void **message_rows = arena_new(op->arena, const void *, look->count);
    struct intake_row *messages = arena_new(op->arena, struct intake_row, look->count);
    if (!leaf_rows || !message_rows || !messages) {
        return op_arena_full(op);
    }
    struct id first = first_id(&look->seal);
    for (uint32_t i = 0; i < look->count; i++) {
        TRY(make_message(op, look, i, id_nth(first, i), &messages[i]));
        leaf_rows[i] = &look->leaves[i];
        message_rows[i] = &messages[i];
    }
    TRY(pg_batch_insert(op, conn, &escrow_seal_table, seal_row, 1));
    TRY(pg_batch_insert(op, conn, &escrow_seal_leaf_table, leaf_rows, look->count));
    TRY(pg_batch_insert(op, conn, &engine_intake_table, message_rows, look->count));
    return pg_batch_sync(op, conn);
}

static STATUS add_totals(struct op *op, struct pg_conn *conn, const struct look *look)
{
    const struct pg_param params[] = {PG_IDS(look->ids, look->count),
                                      PG_I64S(look->above_seqs, look->count),
                                      PG_I64S(look->upto_seqs, look->count)};
    return pg_exec(op, conn, &escrow_sql_sealer_totals, params, ARRAY_LEN(params),
                   /* changed */ NULL);
}

static STATUS finish(struct op *op, struct pg_conn *conn, const struct escrow_seal *seal,
                     const struct hash *hash, bool *ret_more)
{
    const struct pg_param params[] = {PG_I64(seal->n), PG_HASH(hash), PG_TEXT(events_topic())};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    int64_t lanes = 0;
    TRY(pg_query(op, conn, &escrow_sql_sealer_done, params, ARRAY_LEN(params), &rows));
    TRY(pg_rows_i64(op, rows, 0, "lanes", &lanes));
    *ret_more = lanes > 0;
    return pg_commit(op, conn);
}

static STATUS look_once(struct op *op, struct pg_conn *conn, struct look *look, int64_t period_us,
                        bool *ret_more)
{
    bool taken = false;
    TRY(pg_begin(op, conn));
    TRY(take(op, conn, period_us, look, &taken));
    if (!taken) {
        return pg_commit(op, conn);
    }
    TRY(read_changed(op, conn, look));
    if (look->count == 0) {
        return finish(op, conn, &look->seal, &look->seal.prev, ret_more);
    }
    make_seal(look);
    TRY(store_seal(op, conn, look));
    TRY(add_totals(op, conn, look));
    return finish(op, conn, &look->seal, &look->seal.hash, ret_more);
}

STATUS escrow_sealer_look(struct op *op, struct pg_conn *conn, const struct sign_secret *key,
                          int64_t period_us, struct escrow_sealer_round *ret_round)
{
    struct look look = {.key = key};
    bool more = false;
    struct status st = look_once(op, conn, &look, period_us, &more);
    if (status_failed(st)) {
        pg_rollback(conn);
        return st;
    }
    *ret_round = (struct escrow_sealer_round){.leaves = look.count, .more = more};
    return OK;
}
