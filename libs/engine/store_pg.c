/* What the engine asks of its store, as statements of libs/pg. Outputs become valid at a sync. */
#include "engine/store_pg.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/defer.h"
#include "engine_sql.h"
#include "pg/pg_batch.h"

/* Rows that the next sync delivers: libs/pg's form and the caller's. */
struct store_pg_output {
    struct pg_batch_rows rows;
    struct store_rows *ret_rows;
};

struct store_pg {
    struct store store;
    struct pg_conn *conn;
    bool sandbox_clock;
    char channel[STORE_PG_CHANNEL_BYTES]; /* of tell */
    struct pg_rows *fence_rows;
    struct store_fence *ret_fence; /* not NULL: the fence is queued */
    struct store_pg_output outputs[PG_BATCH_QUEUE_MAX];
    uint32_t output_count;
};

static const struct id nobody = {.bytes = {0}};

static struct store_pg *self_of(struct store *store)
{
    return (struct store_pg *)(void *)store; /* the first member */
}

static void forget_outputs(struct store_pg *self)
{
    pg_rows_free(self->fence_rows);
    self->fence_rows = NULL;
    self->ret_fence = NULL;
    self->output_count = 0;
}

static STATUS store_pg_connect(struct op *op, struct store *store)
{
    struct store_pg *self = self_of(store);
    forget_outputs(self);
    return pg_conn_connect(op, self->conn);
}

static void store_pg_close(struct store *store)
{
    if (!store) {
        return;
    }
    struct store_pg *self = self_of(store);
    forget_outputs(self);
    pg_conn_free(self->conn);
    free(self);
}

/* ---- Leases ---- */

static STATUS read_lane(struct op *op, const struct pg_rows *rows, uint32_t row,
                        struct store_view *view)
{
    struct store_lane lane = {.lane = 0};
    int64_t owners_alive = 0;
    TRY(pg_rows_i32(op, rows, row, "p", &lane.lane));
    TRY(pg_rows_i64(op, rows, row, "epoch", &lane.epoch));
    TRY(pg_rows_id(op, rows, row, "owner", &lane.owner));
    TRY(pg_rows_bool(op, rows, row, "owner_alive", &lane.owner_alive));
    TRY(pg_rows_bool(op, rows, row, "clean", &lane.clean));
    TRY(pg_rows_bool(op, rows, row, "stopped", &lane.stopped));
    TRY(pg_rows_i64(op, rows, row, "last_at_us", &lane.last_at_us));
    TRY(pg_rows_i64(op, rows, row, "owners_alive", &owners_alive));
    if (lane.lane != (int32_t)row) {
        return op_fail(op, STATUS_STOP, "store.lanes", "lane %u is missing", row);
    }
    TRY(pg_rows_i64(op, rows, row, "now_us", &view->clock.now_us));
    TRY(pg_rows_i64(op, rows, row, "sandbox_us", &view->clock.sandbox_us));
    view->clock.wall_us = view->clock.now_us - view->clock.sandbox_us;
    view->lanes[row] = lane;
    view->owners_alive = (uint32_t)owners_alive;
    return OK;
}

/* All of a lease is one implicit transaction: without BEGIN a pipeline commits at its Sync. */
static STATUS store_pg_heartbeat(struct op *op, struct store *store, struct id owner,
                                 int64_t lease_ms, struct store_view *ret_view)
{
    struct pg_conn *conn = self_of(store)->conn;
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    const struct pg_param lease[] = {PG_ID(owner), PG_I64(lease_ms * 1000)};
    const struct pg_param dead[] = {PG_I64(STORE_PG_FORGET_DEAD_US)};
    const struct pg_param seen[] = {PG_BOOL(self_of(store)->sandbox_clock)};
    TRY(pg_batch_exec(op, conn, &engine_sql_store_heartbeat, lease, ARRAY_LEN(lease), NULL));
    TRY(pg_batch_exec(op, conn, &engine_sql_store_forget_dead, dead, ARRAY_LEN(dead), NULL));
    TRY(pg_batch_stmt(op, conn, &engine_sql_store_view, seen, ARRAY_LEN(seen), &rows));
    TRY(pg_batch_sync(op, conn));
    if (pg_rows_count(rows) != LANES) {
        return op_fail(op, STATUS_STOP, "store.lanes", "%u lanes", pg_rows_count(rows));
    }
    struct store_view view = {.owners_alive = 0};
    for (uint32_t row = 0; row < LANES; row++) {
        TRY(read_lane(op, rows, row, &view));
    }
    *ret_view = view;
    return OK;
}

static STATUS store_pg_retire(struct op *op, struct store *store, struct id owner)
{
    const struct pg_param params[] = {PG_ID(owner)};
    return pg_exec(op, self_of(store)->conn, &engine_sql_store_retire, params, ARRAY_LEN(params),
                   NULL);
}

static STATUS try_claim(struct op *op, struct pg_conn *conn, const struct store_lane *seen,
                        struct id owner, struct pg_rows **ret_rows)
{
    const struct pg_param params[] = {PG_I32(seen->lane), PG_I64(seen->epoch), PG_ID(owner),
                                      PG_ID(nobody)};
    TRY(pg_batch_begin(op, conn));
    TRY(pg_batch_stmt(op, conn, &engine_sql_store_terminate, params, 3, NULL));
    TRY(pg_batch_stmt(op, conn, &engine_sql_store_claim, params, ARRAY_LEN(params), ret_rows));
    return pg_batch_commit(op, conn);
}

static STATUS store_pg_claim(struct op *op, struct store *store, const struct store_lane *seen,
                             struct id owner, int64_t *ret_epoch)
{
    struct pg_conn *conn = self_of(store)->conn;
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    struct status st = try_claim(op, conn, seen, owner, &rows);
    if (status_failed(st)) {
        pg_batch_rollback(conn);
        return st;
    }
    if (pg_rows_count(rows) == 0) {
        return op_fail(op, STATUS_CONFLICT, "store.lane_taken", "lane %d", seen->lane);
    }
    return pg_rows_i64(op, rows, 0, "epoch", ret_epoch);
}

static STATUS store_pg_release(struct op *op, struct store *store, struct store_lane_ref ref,
                               bool clean)
{
    const struct pg_param params[] = {PG_I32(ref.lane), PG_I64(ref.epoch), PG_BOOL(clean),
                                      PG_ID(nobody)};
    return pg_exec(op, self_of(store)->conn, &engine_sql_store_release, params, ARRAY_LEN(params),
                   NULL);
}

static STATUS store_pg_stop(struct op *op, struct store *store, struct store_lane_ref ref,
                            struct str reason)
{
    ASSERT(reason.len > 0); /* an empty one would mean "runs" */
    const struct pg_param params[] = {PG_I32(ref.lane), PG_I64(ref.epoch), PG_TEXT(reason)};
    return pg_exec(op, self_of(store)->conn, &engine_sql_store_stop, params, ARRAY_LEN(params),
                   NULL);
}

/* ---- Transactions ---- */

static STATUS store_pg_begin(struct op *op, struct store *store, const struct store_lane_ref *refs,
                             uint32_t ref_count, struct store_fence *ret_fence)
{
    struct store_pg *self = self_of(store);
    ASSERT(ref_count <= LANES);
    ASSERT(!self->ret_fence);
    int32_t lanes[LANES];
    int64_t epochs[LANES];
    for (uint32_t i = 0; i < ref_count; i++) {
        lanes[i] = refs[i].lane;
        epochs[i] = refs[i].epoch;
    }
    const struct pg_param params[] = {PG_I32S(lanes, ref_count), PG_I64S(epochs, ref_count),
                                      PG_BOOL(self->sandbox_clock)};
    TRY(pg_batch_begin(op, self->conn));
    TRY(pg_batch_stmt(op, self->conn, &engine_sql_store_fence, params, ARRAY_LEN(params),
                      &self->fence_rows));
    self->ret_fence = ret_fence;
    return OK;
}

static STATUS read_fence(struct op *op, const struct pg_rows *rows, struct store_fence *ret_fence)
{
    struct store_fence fence = {.held_count = pg_rows_count(rows)};
    ASSERT(fence.held_count <= LANES);
    for (uint32_t i = 0; i < fence.held_count; i++) {
        int64_t now_us = 0;
        TRY(pg_rows_i32(op, rows, i, "p", &fence.held[i]));
        TRY(pg_rows_i64(op, rows, i, "now_us", &now_us));
        TRY(pg_rows_i64(op, rows, i, "sandbox_us", &fence.clock.sandbox_us));
        TRY(pg_rows_i64(op, rows, i, "wall_us", &fence.clock.wall_us));
        fence.clock.now_us = now_us > fence.clock.now_us ? now_us : fence.clock.now_us;
    }
    *ret_fence = fence;
    return OK;
}

static STATUS new_output(struct op *op, struct store_pg *self, struct store_rows *ret_rows,
                         struct store_pg_output **ret_output)
{
    if (self->output_count == ARRAY_LEN(self->outputs)) {
        return op_fail(op, STATUS_BUG, "store.queue_full", "over %zu loads",
                       ARRAY_LEN(self->outputs));
    }
    struct store_pg_output *output = &self->outputs[self->output_count++];
    *output = (struct store_pg_output){.ret_rows = ret_rows};
    *ret_output = output;
    return OK;
}

static STATUS store_pg_load(struct op *op, struct store *store, const struct table *table,
                            const struct id *keys, uint32_t key_count, struct store_rows *ret_rows)
{
    struct store_pg *self = self_of(store);
    struct store_pg_output *output = NULL;
    TRY(new_output(op, self, ret_rows, &output));
    return pg_batch_load(op, self->conn, table, keys, key_count, &output->rows);
}

static STATUS store_pg_load_children(struct op *op, struct store *store, const struct table *table,
                                     const struct id *parents, uint32_t parent_count,
                                     struct store_rows *ret_rows)
{
    struct store_pg *self = self_of(store);
    struct store_pg_output *output = NULL;
    TRY(new_output(op, self, ret_rows, &output));
    return pg_batch_load_children(op, self->conn, table, parents, parent_count, &output->rows);
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are those of store.h */
static STATUS store_pg_scan(struct op *op, struct store *store, const struct table_scan *scan,
                            const void *like, int64_t bound, uint32_t limit,
                            struct store_rows *ret_rows)
{
    struct store_pg *self = self_of(store);
    struct store_pg_output *output = NULL;
    TRY(new_output(op, self, ret_rows, &output));
    return pg_batch_scan(op, self->conn, scan, like, bound, limit, &output->rows);
}

static STATUS store_pg_insert(struct op *op, struct store *store, const struct table *table,
                              const void *const *rows, uint32_t row_count)
{
    return pg_batch_insert(op, self_of(store)->conn, table, rows, row_count);
}

static STATUS store_pg_update(struct op *op, struct store *store, const struct table *table,
                              const void *const *rows, const int64_t *old_versions,
                              uint32_t row_count)
{
    return pg_batch_update(op, self_of(store)->conn, table, rows, old_versions, row_count);
}

static STATUS store_pg_erase(struct op *op, struct store *store, const struct table *table,
                             const void *const *rows, uint32_t row_count)
{
    return pg_batch_erase(op, self_of(store)->conn, table, rows, row_count);
}

static STATUS store_pg_touch(struct op *op, struct store *store, const struct store_fence *fence)
{
    const struct pg_param params[] = {PG_I32S(fence->held, fence->held_count),
                                      PG_I64(fence->clock.now_us)};
    return pg_batch_exec(op, self_of(store)->conn, &engine_sql_store_touch, params,
                         ARRAY_LEN(params), NULL);
}

static STATUS store_pg_tell(struct op *op, struct store *store, const struct store_fence *fence)
{
    struct store_pg *self = self_of(store);
    const struct pg_param params[] = {PG_TEXT(str_of(self->channel)),
                                      PG_I32S(fence->held, fence->held_count),
                                      PG_I64(STORE_TOLD_KEPT_US)};
    return pg_batch_stmt(op, self->conn, &engine_sql_store_tell, params, ARRAY_LEN(params), NULL);
}

/* After a sync: hands out what it brought, or forgets it. */
static STATUS deliver(struct op *op, struct store_pg *self, struct status synced)
{
    struct status st = synced;
    if (!status_failed(st) && self->ret_fence) {
        st = read_fence(op, self->fence_rows, self->ret_fence);
    }
    for (uint32_t i = 0; i < self->output_count && !status_failed(st); i++) {
        *self->outputs[i].ret_rows = (struct store_rows){.rows = self->outputs[i].rows.rows,
                                                         .count = self->outputs[i].rows.count};
    }
    forget_outputs(self);
    return st;
}

static STATUS store_pg_sync(struct op *op, struct store *store)
{
    struct store_pg *self = self_of(store);
    return deliver(op, self, pg_batch_sync(op, self->conn));
}

static STATUS store_pg_commit(struct op *op, struct store *store)
{
    struct store_pg *self = self_of(store);
    return deliver(op, self, pg_batch_commit(op, self->conn));
}

static void store_pg_rollback(struct store *store)
{
    struct store_pg *self = self_of(store);
    pg_batch_rollback(self->conn);
    forget_outputs(self);
}

static const struct store_ops store_pg_ops = {
    .connect = store_pg_connect,
    .close = store_pg_close,
    .heartbeat = store_pg_heartbeat,
    .retire = store_pg_retire,
    .claim = store_pg_claim,
    .release = store_pg_release,
    .stop = store_pg_stop,
    .begin = store_pg_begin,
    .load = store_pg_load,
    .load_children = store_pg_load_children,
    .scan = store_pg_scan,
    .insert = store_pg_insert,
    .update = store_pg_update,
    .erase = store_pg_erase,
    .touch = store_pg_touch,
    .tell = store_pg_tell,
    .sync = store_pg_sync,
    .commit = store_pg_commit,
    .rollback = store_pg_rollback,
};

void store_pg_channel(struct str service, char ret_channel[STORE_PG_CHANNEL_BYTES])
{
    struct strbuf buf;
    struct str channel;
    strbuf_init_fixed(&buf, ret_channel, STORE_PG_CHANNEL_BYTES);
    strbuf_add(&buf, STR("holdfast_"));
    strbuf_add(&buf, service);
    bool fits = strbuf_finish(&buf, &channel);
    ASSERT(fits);
}

static STATUS new_conn(struct op *op, const struct store_pg_options *options,
                       struct pg_conn **ret_conn)
{
    static const struct pg_stmt *const stmts[] = {
        &engine_sql_store_claim,       &engine_sql_store_clock,     &engine_sql_store_fence,
        &engine_sql_store_forget_dead, &engine_sql_store_heartbeat, &engine_sql_store_release,
        &engine_sql_store_retire,      &engine_sql_store_stop,      &engine_sql_store_tell,
        &engine_sql_store_terminate,   &engine_sql_store_touch,     &engine_sql_store_view,
    };
    struct strbuf name;
    struct str application_name;
    strbuf_init(&name, op->arena, 64);
    strbuf_add(&name, options->service);
    strbuf_add(&name, STR("-lanes"));
    if (!strbuf_finish(&name, &application_name)) {
        return op_arena_full(op);
    }
    struct pg_conn_options conn_options = {
        .conninfo = options->database_url,
        .application_name = application_name,
        .use = PG_USE_LANE,
        .stmts = stmts,
        .stmt_count = ARRAY_LEN(stmts),
    };
    return pg_conn_new(op, &conn_options, ret_conn);
}

STATUS store_pg_open(struct op *op, const struct store_pg_options *options,
                     struct store **ret_store)
{
    struct pg_conn *conn = NULL;
    TRY(new_conn(op, options, &conn));
    struct store_pg *self = calloc(1, sizeof(*self)); /* LINT-OK: lives as long as its thread */
    ASSERT(self);
    self->store.ops = &store_pg_ops;
    self->conn = conn;
    self->sandbox_clock = options->sandbox_clock;
    store_pg_channel(options->service, self->channel);
    *ret_store = &self->store;
    return OK;
}

STATUS store_pg_refuse_sandbox(struct op *op, const struct store_pg_options *options)
{
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    int64_t offset_us = 0;
    TRY(new_conn(op, options, &conn));
    TRY(pg_conn_connect(op, conn));
    TRY(pg_query(op, conn, &engine_sql_store_clock, NULL, 0, &rows));
    TRY(pg_rows_i64(op, rows, 0, "offset_us", &offset_us));
    return offset_us == 0 ? OK
                          : op_fail(op, STATUS_STOP, "store.sandbox_clock",
                                    "ahead by %" PRId64 " us", offset_us);
}
