/* Rows for streams: changes above a position, and what a stream begins with. Reads only. */
#include "gateway/gateway_live_repo.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/defer.h"
#include "gateway_sql.h"
#include "holdfast/escrow/v1/events.pb-c.h"

#define STATE(name) HOLDFAST__ESCROW__V1__ESCROW_STATE__ESCROW_STATE_##name

/* Where a deal ends. */
static const int32_t final_states[] = {STATE(RELEASED), STATE(REFUNDED), STATE(CANCELLED),
                                       STATE(EXPIRED), STATE(SETTLED_SPLIT)};
_Static_assert(GATEWAY_STATE_COUNT == 17, "a new state may be a final one");

STATUS gateway_live_repo_positions(struct op *op, struct pg_conn *conn,
                                   struct gateway_live_seen *ret_seen)
{
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &gateway_sql_live_positions, NULL, 0, &rows));
    if (pg_rows_count(rows) != LANES) {
        return op_fail(op, STATUS_STOP, "store.lanes", "%u lanes", pg_rows_count(rows));
    }
    for (uint32_t p = 0; p < LANES; p++) {
        TRY(pg_rows_i64(op, rows, p, "last_at_us", &ret_seen->at_us[p]));
    }
    return OK;
}

/* ---- What changed ---- */

/* Ids of many changes; the same one may come from several. */
struct ids {
    struct id *items;
    uint32_t count;
};

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct id));
}

static void make_unique(struct ids *ids)
{
    if (ids->count == 0) {
        return;
    }
    qsort(ids->items, ids->count, sizeof(struct id), compare_ids);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < ids->count; i++) {
        if (!id_eq(ids->items[i], ids->items[kept - 1])) {
            ids->items[kept++] = ids->items[i];
        }
    }
    ids->count = kept;
}

static STATUS add_ids(struct op *op, struct str packed, struct ids *ids)
{
    uint32_t count = (uint32_t)(packed.len / sizeof(struct id));
    if (count == 0) {
        return OK;
    }
    struct id *joined = arena_new(op->arena, struct id, ids->count + count);
    if (!joined) {
        return op_arena_full(op);
    }
    if (ids->count > 0) {
        memcpy(joined, ids->items, ids->count * sizeof(struct id));
    }
    memcpy(joined + ids->count, packed.ptr, count * sizeof(struct id));
    *ids = (struct ids){.items = joined, .count = ids->count + count};
    return OK;
}

static STATUS read_change(struct op *op, const struct pg_rows *rows, uint32_t row,
                          struct gateway_live_news *news, struct ids *keys, struct ids *requests)
{
    int32_t lane = 0;
    struct str packed;
    TRY(pg_rows_i32(op, rows, row, "lane", &lane));
    ASSERT(lane >= 0);
    ASSERT(lane < LANES);
    TRY(pg_rows_i64(op, rows, row, "at_us", &news->change_at_us[row]));
    news->seen.at_us[lane] = news->change_at_us[row];
    TRY(pg_rows_bytes(op, rows, row, "keys", &packed));
    TRY(add_ids(op, packed, keys));
    TRY(pg_rows_bytes(op, rows, row, "requests", &packed));
    return add_ids(op, packed, requests);
}

static STATUS read_changes(struct op *op, struct pg_conn *conn, struct gateway_live_news *news,
                           struct ids *keys, struct ids *requests)
{
    int32_t lanes[LANES];
    for (int32_t p = 0; p < LANES; p++) {
        lanes[p] = p;
    }
    const struct pg_param params[] = {PG_I32S(lanes, LANES), PG_I64S(news->seen.at_us, LANES),
                                      PG_I32(GATEWAY_LIVE_CHANGES_MAX)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &gateway_sql_live_changes, params, ARRAY_LEN(params), &rows));
    news->change_count = pg_rows_count(rows);
    ASSERT(news->change_count <= GATEWAY_LIVE_CHANGES_MAX);
    news->more = news->change_count == GATEWAY_LIVE_CHANGES_MAX;
    for (uint32_t i = 0; i < news->change_count; i++) {
        TRY(read_change(op, rows, i, news, keys, requests));
    }
    make_unique(keys);
    make_unique(requests);
    return OK;
}

static STATUS read_commands(struct op *op, const struct pg_rows *rows,
                            const struct gateway_command_row **ret_commands, uint32_t *ret_count)
{
    uint32_t count = pg_rows_count(rows);
    struct gateway_command_row *commands = arena_new(op->arena, struct gateway_command_row, count);
    if (!commands) {
        return op_arena_full(op);
    }
    for (uint32_t i = 0; i < count; i++) {
        TRY(gateway_repo_read_command(op, rows, i, &commands[i]));
    }
    *ret_commands = commands;
    *ret_count = count;
    return OK;
}

static STATUS load_views(struct op *op, struct pg_conn *conn, const struct ids *keys,
                         struct gateway_live_news *news)
{
    const struct pg_param params[] = {PG_IDS(keys->items, keys->count)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &gateway_sql_live_views, params, ARRAY_LEN(params), &rows));
    return gateway_repo_read_views(op, rows, &news->views, &news->view_count);
}

static STATUS load_commands(struct op *op, struct pg_conn *conn, const struct ids *requests,
                            struct gateway_live_news *news)
{
    const struct pg_param params[] = {PG_IDS(requests->items, requests->count)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &gateway_sql_live_commands, params, ARRAY_LEN(params), &rows));
    return read_commands(op, rows, &news->commands, &news->command_count);
}

/* A rejected creation leaves no view: its parties are told that the deal will not be. One question for all of them. */
static STATUS load_refused(struct op *op, struct pg_conn *conn, struct gateway_live_news *news)
{
    struct ids rejected = {.items = arena_new(op->arena, struct id, news->command_count)};
    if (!rejected.items) {
        return op_arena_full(op);
    }
    for (uint32_t i = 0; i < news->command_count; i++) {
        if (news->commands[i].outcome == INTAKE_REJECTED) {
            rejected.items[rejected.count++] = news->commands[i].id;
        }
    }
    if (rejected.count == 0) {
        return OK;
    }
    const struct pg_param params[] = {PG_IDS(rejected.items, rejected.count)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &gateway_sql_live_refused, params, ARRAY_LEN(params), &rows));
    return gateway_repo_read_pending(op, rows, &news->refused, &news->refused_count);
}

STATUS gateway_live_repo_news(struct op *op, struct pg_conn *conn,
                              const struct gateway_live_seen *seen,
                              struct gateway_live_news *ret_news)
{
    struct gateway_live_news news = {.seen = *seen};
    struct ids keys = {.count = 0};
    struct ids requests = {.count = 0};
    TRY(read_changes(op, conn, &news, &keys, &requests));
    if (keys.count > 0) {
        TRY(load_views(op, conn, &keys, &news));
    }
    if (requests.count > 0) {
        TRY(load_commands(op, conn, &requests, &news));
        TRY(load_refused(op, conn, &news));
    }
    *ret_news = news;
    return OK;
}

/* ---- What a stream begins with ---- */

/* Deals beyond the window may be open too: the client is told to look for itself. */
static STATUS find_beyond(struct op *op, struct pg_conn *conn, struct id account, bool *ret_beyond)
{
    const struct pg_param params[] = {PG_ID(account), PG_I32(GATEWAY_LIVE_WINDOW)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &gateway_sql_live_beyond, params, ARRAY_LEN(params), &rows));
    return pg_rows_bool(op, rows, 0, "beyond", ret_beyond);
}

static STATUS start_with_all(struct op *op, struct pg_conn *conn,
                             const struct gateway_caller *caller, int64_t now_us,
                             struct gateway_live_start *start)
{
    const struct pg_param params[] = {
        PG_ID(caller->account_id), PG_I16S(final_states, ARRAY_LEN(final_states)),
        PG_I64(now_us - GATEWAY_LIVE_CLOSED_US), PG_I32(GATEWAY_LIVE_WINDOW),
        PG_I32(GATEWAY_LIVE_DEALS_MAX + 1)};
    const struct pg_stmt *stmt = caller->kind == ENGINE_ACTOR_MARKETPLACE
                                     ? &gateway_sql_live_marketplace
                                     : &gateway_sql_live_user;
    ASSERT(caller->kind != ENGINE_ACTOR_STAFF); /* all deals of everybody are no beginning */
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, stmt, params, ARRAY_LEN(params), &rows));
    TRY(find_beyond(op, conn, caller->account_id, &start->more));
    return gateway_repo_read_views(op, rows, &start->views, &start->view_count);
}

static STATUS start_with_one(struct op *op, struct pg_conn *conn, struct id escrow_id,
                             struct gateway_live_start *start)
{
    struct gateway_deal *deal = arena_new(op->arena, struct gateway_deal, 1);
    if (!deal) {
        return op_arena_full(op);
    }
    TRY(gateway_repo_find_deal_on(op, conn, escrow_id, deal));
    if (deal->in_view) {
        start->views = &deal->view;
        start->view_count = 1;
    } else if (deal->is_pending) {
        start->pending = deal;
    }
    return OK;
}

static STATUS start_with_commands(struct op *op, struct pg_conn *conn,
                                  const struct gateway_caller *caller,
                                  struct gateway_live_start *start)
{
    const struct pg_param params[] = {PG_ID(caller->account_id),
                                      PG_I32(GATEWAY_LIVE_COMMANDS_MAX + 1)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &gateway_sql_live_unsettled, params, ARRAY_LEN(params), &rows));
    return read_commands(op, rows, &start->commands, &start->command_count);
}

STATUS gateway_live_repo_start(struct op *op, struct pg_conn *conn,
                               const struct gateway_caller *caller, struct id escrow_id,
                               int64_t now_us, struct gateway_live_start *ret_start)
{
    struct gateway_live_start start = {.more = false};
    if (id_is_none(escrow_id)) {
        TRY(start_with_all(op, conn, caller, now_us, &start));
    } else {
        TRY(start_with_one(op, conn, escrow_id, &start));
    }
    TRY(start_with_commands(op, conn, caller, &start));
    if (start.view_count > GATEWAY_LIVE_DEALS_MAX) {
        start.view_count = GATEWAY_LIVE_DEALS_MAX;
        start.more = true;
    }
    if (start.command_count > GATEWAY_LIVE_COMMANDS_MAX) {
        start.command_count = GATEWAY_LIVE_COMMANDS_MAX;
        start.more = true;
    }
    *ret_start = start;
    return OK;
}
