#include "gateway/gateway_repo.h"

#include "base/assert.h"
#include "base/defer.h"
#include "gateway_sql.h"

/* Reads only: lanes write the views and the accounts, the intake writes what is pending. */

/* The terms of the fees, as a row that has them in `fees` keeps them. */
#define FEES(row)                                                                                 \
    TABLE_INNER_COLUMN(row, fees.buyer.basis_points, "buyer_fee_basis_points", COLUMN_INT8,       \
                       false),                                                                    \
        TABLE_INNER_COLUMN(row, fees.buyer.fixed_minor, "buyer_fee_fixed_minor", COLUMN_INT8,     \
                           false),                                                                \
        TABLE_INNER_COLUMN(row, fees.seller.basis_points, "seller_fee_basis_points", COLUMN_INT8, \
                           false),                                                                \
        TABLE_INNER_COLUMN(row, fees.seller.fixed_minor, "seller_fee_fixed_minor", COLUMN_INT8,   \
                           false),                                                                \
        TABLE_INNER_COLUMN(row, fees.buyer_refundable, "buyer_fee_refundable", COLUMN_BOOL, false)

#define V(field, kind) TABLE_COLUMN(struct gateway_view, field, kind)
static const struct table_column view_columns[] = {
    V(id, COLUMN_UUID),
    V(version, COLUMN_INT8),
    V(seq, COLUMN_INT8),
    V(state, COLUMN_ENUM),
    V(currency, COLUMN_ENUM),
    V(price_minor, COLUMN_INT8),
    V(received_minor, COLUMN_INT8),
    V(held_minor, COLUMN_INT8),
    V(disputed_minor, COLUMN_INT8),
    V(suspense_minor, COLUMN_INT8),
    V(due_seller_minor, COLUMN_INT8),
    V(due_buyer_minor, COLUMN_INT8),
    V(paid_out_minor, COLUMN_INT8),
    V(refunded_minor, COLUMN_INT8),
    V(fee_deferred_minor, COLUMN_INT8),
    V(fee_minor, COLUMN_INT8),
    V(released_minor, COLUMN_INT8),
    V(returned_minor, COLUMN_INT8),
    V(split_number, COLUMN_INT8),
    V(split_by, COLUMN_UUID),
    V(split_seller_minor, COLUMN_INT8),
    V(split_buyer_minor, COLUMN_INT8),
    V(payout_failed_minor, COLUMN_INT8),
    V(refund_failed_minor, COLUMN_INT8),
    V(payment_setup_failed, COLUMN_BOOL),
    V(foreign_money, COLUMN_BOOL),
    V(marketplace_id, COLUMN_UUID),
    V(buyer_id, COLUMN_UUID),
    V(seller_id, COLUMN_UUID),
    V(arbiter_id, COLUMN_UUID),
    V(arbiter_key, COLUMN_TEXT),
    V(dispute_number, COLUMN_INT8),
    V(docket, COLUMN_TEXT),
    V(seller_account, COLUMN_TEXT),
    V(funding_seconds, COLUMN_INT8),
    V(delivery_seconds, COLUMN_INT8),
    V(inspection_seconds, COLUMN_INT8),
    FEES(struct gateway_view),
    V(deadline_at_us, COLUMN_INT8),
    V(deadline_state, COLUMN_ENUM),
    V(description, COLUMN_TEXT),
    V(milestones, COLUMN_TEXT),
    V(payment_ref, COLUMN_TEXT),
    V(payment_client_secret, COLUMN_TEXT),
    V(created_at_us, COLUMN_INT8),
    V(updated_at_us, COLUMN_INT8),
};
#undef V

const struct table gateway_view_table = {
    .name = "escrow_view",
    .row_bytes = sizeof(struct gateway_view),
    .columns = view_columns,
    .column_count = ARRAY_LEN(view_columns),
    .key_count = 1,
    .version = 1,
    .parent = TABLE_NO_COLUMN,
};

#define T(field, kind) TABLE_COLUMN(struct gateway_entry, field, kind)
static const struct table_column entry_columns[] = {
    T(escrow_id, COLUMN_UUID), T(seq, COLUMN_INT8),          T(type, COLUMN_TEXT),
    T(state, COLUMN_ENUM),     T(amount_minor, COLUMN_INT8), T(milestone, COLUMN_INT8),
    T(note, COLUMN_TEXT),      T(actor_kind, COLUMN_ENUM),   T(actor_id, COLUMN_UUID),
    T(at_us, COLUMN_INT8),
};
#undef T

const struct table gateway_entry_table = {
    .name = "escrow_timeline",
    .row_bytes = sizeof(struct gateway_entry),
    .columns = entry_columns,
    .column_count = ARRAY_LEN(entry_columns),
    .key_count = 2,
    .version = TABLE_NO_COLUMN,
    .parent = 0,
};

#define P(field, kind) TABLE_COLUMN(struct gateway_pending, field, kind)
static const struct table_column pending_columns[] = {
    P(id, COLUMN_UUID),
    P(command_id, COLUMN_UUID),
    P(created_at_us, COLUMN_INT8),
    P(marketplace_id, COLUMN_UUID),
    P(buyer_id, COLUMN_UUID),
    P(seller_id, COLUMN_UUID),
    P(arbiter_id, COLUMN_UUID),
    P(arbiter_key, COLUMN_TEXT),
    P(currency, COLUMN_ENUM),
    P(price_minor, COLUMN_INT8),
    P(seller_account, COLUMN_TEXT),
    P(funding_seconds, COLUMN_INT8),
    P(delivery_seconds, COLUMN_INT8),
    P(inspection_seconds, COLUMN_INT8),
    FEES(struct gateway_pending),
    P(description, COLUMN_TEXT),
    P(milestones, COLUMN_TEXT),
};
#undef P

const struct table gateway_pending_table = {
    .name = "escrow_pending",
    .row_bytes = sizeof(struct gateway_pending),
    .columns = pending_columns,
    .column_count = ARRAY_LEN(pending_columns),
    .key_count = 1,
    .version = TABLE_NO_COLUMN,
    .parent = TABLE_NO_COLUMN,
};

static const struct table_column account_columns[] = {
    TABLE_FIXED_COLUMN(struct gateway_account, id, COLUMN_UUID),
    TABLE_COLUMN(struct gateway_account, seq, COLUMN_INT8),
    TABLE_FIXED_COLUMN(struct gateway_account, marketplace_id, COLUMN_UUID),
    TABLE_COLUMN(struct gateway_account, display_name, COLUMN_TEXT),
    TABLE_COLUMN(struct gateway_account, discord_id, COLUMN_TEXT),
    TABLE_FIXED_COLUMN(struct gateway_account, created_at_us, COLUMN_INT8),
    TABLE_COLUMN(struct gateway_account, updated_at_us, COLUMN_INT8),
};

const struct table gateway_account_table = {
    .name = "account",
    .row_bytes = sizeof(struct gateway_account),
    .columns = account_columns,
    .column_count = ARRAY_LEN(account_columns),
    .key_count = 1,
    .version = 1,
    .parent = TABLE_NO_COLUMN,
};

static const struct table_column claim_columns[] = {
    TABLE_FIXED_COLUMN(struct gateway_claim, id, COLUMN_UUID),
    TABLE_COLUMN(struct gateway_claim, version, COLUMN_INT8),
    TABLE_COLUMN(struct gateway_claim, user_id, COLUMN_UUID),
    TABLE_COLUMN(struct gateway_claim, grants, COLUMN_INT8),
};

const struct table gateway_claim_table = {
    .name = "discord_claim",
    .row_bytes = sizeof(struct gateway_claim),
    .columns = claim_columns,
    .column_count = ARRAY_LEN(claim_columns),
    .key_count = 1,
    .version = 1,
    .parent = TABLE_NO_COLUMN,
};

static const struct table_column account_pending_columns[] = {
    TABLE_COLUMN(struct gateway_account_pending, id, COLUMN_UUID),
    TABLE_COLUMN(struct gateway_account_pending, command_id, COLUMN_UUID),
    TABLE_COLUMN(struct gateway_account_pending, created_at_us, COLUMN_INT8),
    TABLE_COLUMN(struct gateway_account_pending, marketplace_id, COLUMN_UUID),
    TABLE_COLUMN(struct gateway_account_pending, display_name, COLUMN_TEXT),
    TABLE_COLUMN(struct gateway_account_pending, discord_id, COLUMN_TEXT),
};

const struct table gateway_account_pending_table = {
    .name = "account_pending",
    .row_bytes = sizeof(struct gateway_account_pending),
    .columns = account_pending_columns,
    .column_count = ARRAY_LEN(account_pending_columns),
    .key_count = 1,
    .version = TABLE_NO_COLUMN,
    .parent = TABLE_NO_COLUMN,
};

const struct pg_stmt *const *const gateway_repo_stmts = gateway_sql_all;
const uint32_t gateway_repo_stmt_count = GATEWAY_SQL_COUNT;

/* ---- One row to one struct ---- */

#define ID(field) TRY(pg_rows_id(op, rows, row, #field, &ret->field))
#define I64(field) TRY(pg_rows_i64(op, rows, row, #field, &ret->field))
#define TEXT(field) TRY(pg_rows_text(op, rows, row, #field, &ret->field))
#define BOOL(field) TRY(pg_rows_bool(op, rows, row, #field, &ret->field))

static struct status read_currency(struct op *op, const struct pg_rows *rows, uint32_t row,
                                   enum currency *ret)
{
    int currency = 0;
    TRY(pg_rows_enum(op, rows, row, "currency", CURRENCY_COUNT, &currency));
    *ret = (enum currency)currency;
    return OK;
}

static struct status read_fees(struct op *op, const struct pg_rows *rows, uint32_t row,
                               struct fee_terms *ret)
{
    TRY(pg_rows_i64(op, rows, row, "buyer_fee_basis_points", &ret->buyer.basis_points));
    TRY(pg_rows_i64(op, rows, row, "buyer_fee_fixed_minor", &ret->buyer.fixed_minor));
    TRY(pg_rows_i64(op, rows, row, "seller_fee_basis_points", &ret->seller.basis_points));
    TRY(pg_rows_i64(op, rows, row, "seller_fee_fixed_minor", &ret->seller.fixed_minor));
    return pg_rows_bool(op, rows, row, "buyer_fee_refundable", &ret->buyer_refundable);
}

static struct status read_view(struct op *op, const struct pg_rows *rows, uint32_t row,
                               struct gateway_view *ret)
{
    TRY(read_currency(op, rows, row, &ret->currency));
    TRY(pg_rows_enum(op, rows, row, "state", GATEWAY_STATE_COUNT, &ret->state));
    TRY(pg_rows_enum(op, rows, row, "deadline_state", GATEWAY_STATE_COUNT, &ret->deadline_state));
    ID(id);
    I64(seq);
    I64(price_minor);
    I64(received_minor);
    I64(held_minor);
    I64(disputed_minor);
    I64(suspense_minor);
    I64(due_seller_minor);
    I64(due_buyer_minor);
    I64(paid_out_minor);
    I64(refunded_minor);
    I64(fee_deferred_minor);
    I64(fee_minor);
    I64(released_minor);
    I64(returned_minor);
    I64(split_number);
    ID(split_by);
    I64(split_seller_minor);
    I64(split_buyer_minor);
    I64(payout_failed_minor);
    I64(refund_failed_minor);
    BOOL(payment_setup_failed);
    BOOL(foreign_money);
    ID(marketplace_id);
    ID(buyer_id);
    ID(seller_id);
    ID(arbiter_id);
    TEXT(arbiter_key);
    I64(dispute_number);
    TEXT(docket);
    TEXT(seller_account);
    I64(funding_seconds);
    I64(delivery_seconds);
    I64(inspection_seconds);
    TRY(read_fees(op, rows, row, &ret->fees));
    I64(deadline_at_us);
    TEXT(description);
    TEXT(milestones);
    TEXT(payment_ref);
    TEXT(payment_client_secret);
    I64(created_at_us);
    I64(updated_at_us);
    return OK;
}

static struct status read_outcome(struct op *op, const struct pg_rows *rows, uint32_t row,
                                  enum intake_outcome *ret)
{
    int outcome = 0;
    TRY(pg_rows_enum(op, rows, row, "outcome", INTAKE_OUTCOME_COUNT, &outcome));
    *ret = (enum intake_outcome)outcome;
    return OK;
}

static struct status read_terms(struct op *op, const struct pg_rows *rows, uint32_t row,
                                struct gateway_pending *ret)
{
    TRY(read_currency(op, rows, row, &ret->currency));
    ID(id);
    ID(command_id);
    ID(marketplace_id);
    ID(buyer_id);
    ID(seller_id);
    ID(arbiter_id);
    TEXT(arbiter_key);
    I64(price_minor);
    TEXT(seller_account);
    I64(funding_seconds);
    I64(delivery_seconds);
    I64(inspection_seconds);
    TRY(read_fees(op, rows, row, &ret->fees));
    TEXT(description);
    TEXT(milestones);
    I64(created_at_us);
    return OK;
}

static struct status read_pending(struct op *op, const struct pg_rows *rows, uint32_t row,
                                  struct gateway_deal *deal)
{
    TRY(read_terms(op, rows, row, &deal->pending));
    TRY(read_outcome(op, rows, row, &deal->outcome));
    TRY(pg_rows_text(op, rows, row, "outcome_code", &deal->outcome_code));
    TRY(pg_rows_text(op, rows, row, "outcome_sentence", &deal->outcome_sentence));
    deal->is_pending = true;
    return OK;
}

static struct status read_account(struct op *op, const struct pg_rows *rows, uint32_t row,
                                  struct gateway_account *ret)
{
    ID(id);
    ID(marketplace_id);
    TEXT(display_name);
    TEXT(discord_id);
    I64(created_at_us);
    I64(updated_at_us);
    return OK;
}

static struct status read_entry(struct op *op, const struct pg_rows *rows, uint32_t row,
                                struct gateway_entry *ret)
{
    TRY(pg_rows_enum(op, rows, row, "state", GATEWAY_STATE_COUNT, &ret->state));
    TRY(pg_rows_enum(op, rows, row, "actor_kind", ENGINE_ACTOR_COUNT, &ret->actor_kind));
    I64(seq);
    TEXT(type);
    I64(amount_minor);
    I64(milestone);
    TEXT(note);
    ID(actor_id);
    I64(at_us);
    return OK;
}

/* ---- Asking ---- */

/* One statement on a connection of the pool. */
static struct status ask(struct op *op, struct pg *pg, const struct pg_stmt *stmt,
                         const struct pg_param *params, uint32_t param_count,
                         struct pg_rows **ret_rows)
{
    DEFER(pg_release_at) struct pg_conn *conn = NULL;
    TRY(pg_acquire(op, pg, &conn));
    return pg_query(op, conn, stmt, params, param_count, ret_rows);
}

STATUS gateway_repo_find_token(struct op *op, struct pg *pg, const struct hash *hash,
                               struct gateway_token *ret_token, bool *ret_found)
{
    const struct pg_param params[] = {PG_HASH(hash)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(ask(op, pg, &gateway_sql_token_find, params, ARRAY_LEN(params), &rows));
    if (pg_rows_count(rows) == 0) {
        *ret_found = false;
        return OK;
    }
    int kind = 0;
    TRY(pg_rows_enum(op, rows, 0, "kind", ENGINE_ACTOR_COUNT, &kind));
    struct gateway_token token = {.hash = *hash, .caller = {.kind = (enum engine_actor_kind)kind}};
    TRY(pg_rows_id(op, rows, 0, "account_id", &token.caller.account_id));
    TRY(pg_rows_bool(op, rows, 0, "is_signed", &token.is_signed));
    TRY(pg_rows_i64(op, rows, 0, "now_us", &token.now_us));
    *ret_token = token;
    *ret_found = true;
    return OK;
}

STATUS gateway_repo_use_nonce(struct op *op, struct pg *pg, const struct hash *token_hash,
                              struct str nonce, int32_t memory_s, bool *ret_is_new)
{
    const struct pg_param params[] = {PG_HASH(token_hash), PG_TEXT(nonce), PG_I32(memory_s)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(ask(op, pg, &gateway_sql_nonce_use, params, ARRAY_LEN(params), &rows));
    *ret_is_new = pg_rows_count(rows) == 1;
    return OK;
}

static struct status find_pending(struct op *op, struct pg_conn *conn, struct id id,
                                  struct gateway_deal *deal)
{
    const struct pg_param params[] = {PG_ID(id)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &gateway_sql_pending_get, params, ARRAY_LEN(params), &rows));
    if (pg_rows_count(rows) == 0) {
        return OK;
    }
    return read_pending(op, rows, 0, deal);
}

static struct status find_view(struct op *op, struct pg_conn *conn, struct id id,
                               struct gateway_deal *deal)
{
    const struct pg_param params[] = {PG_ID(id)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &gateway_sql_view_get, params, ARRAY_LEN(params), &rows));
    if (pg_rows_count(rows) == 0) {
        return OK;
    }
    TRY(read_view(op, rows, 0, &deal->view));
    deal->in_view = true;
    return OK;
}

STATUS gateway_repo_find_deal_on(struct op *op, struct pg_conn *conn, struct id id,
                                 struct gateway_deal *ret_deal)
{
    *ret_deal = (struct gateway_deal){.in_view = false};
    TRY(find_view(op, conn, id, ret_deal));
    if (ret_deal->in_view) {
        return OK;
    }
    TRY(find_pending(op, conn, id, ret_deal));
    if (ret_deal->is_pending && ret_deal->outcome == INTAKE_ACCEPTED) {
        /* Accepted between the two questions: the view was there in the same commit. */
        ret_deal->is_pending = false;
        return find_view(op, conn, id, ret_deal);
    }
    return OK;
}

STATUS gateway_repo_find_deal(struct op *op, struct pg *pg, struct id id,
                              struct gateway_deal *ret_deal)
{
    DEFER(pg_release_at) struct pg_conn *conn = NULL;
    TRY(pg_acquire(op, pg, &conn));
    return gateway_repo_find_deal_on(op, conn, id, ret_deal);
}

struct gateway_parties gateway_deal_parties(const struct gateway_deal *deal)
{
    if (deal->in_view) {
        return gateway_view_parties(&deal->view);
    }
    return (struct gateway_parties){.marketplace_id = deal->pending.marketplace_id,
                                    .buyer_id = deal->pending.buyer_id,
                                    .seller_id = deal->pending.seller_id,
                                    .arbiter_id = deal->pending.arbiter_id};
}

static struct status find_account(struct op *op, struct pg *pg, struct id id,
                                  struct gateway_user *user)
{
    const struct pg_param params[] = {PG_ID(id)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(ask(op, pg, &gateway_sql_account_get, params, ARRAY_LEN(params), &rows));
    user->is_registered = pg_rows_count(rows) > 0;
    return user->is_registered ? read_account(op, rows, 0, &user->account) : OK;
}

static struct status find_registration(struct op *op, struct pg *pg, struct id id,
                                       struct gateway_user *user)
{
    const struct pg_param params[] = {PG_ID(id)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(ask(op, pg, &gateway_sql_account_pending_get, params, ARRAY_LEN(params), &rows));
    user->is_pending = pg_rows_count(rows) > 0;
    if (!user->is_pending) {
        return OK;
    }
    TRY(read_account(op, rows, 0, &user->account));
    TRY(read_outcome(op, rows, 0, &user->outcome));
    TRY(pg_rows_text(op, rows, 0, "outcome_code", &user->outcome_code));
    return pg_rows_text(op, rows, 0, "outcome_sentence", &user->outcome_sentence);
}

STATUS gateway_repo_find_user(struct op *op, struct pg *pg, struct id id,
                              struct gateway_user *ret_user)
{
    *ret_user = (struct gateway_user){.is_registered = false};
    TRY(find_account(op, pg, id, ret_user));
    if (ret_user->is_registered) {
        return OK;
    }
    TRY(find_registration(op, pg, id, ret_user));
    if (ret_user->is_pending && ret_user->outcome == INTAKE_ACCEPTED) {
        /* Accepted between the two questions: the account was there in the same commit. */
        ret_user->is_pending = false;
        return find_account(op, pg, id, ret_user);
    }
    return OK;
}

static struct status ask_list(struct op *op, struct pg *pg, const struct gateway_caller *caller,
                              struct gateway_cursor cursor, uint32_t limit,
                              struct pg_rows **ret_rows)
{
    const struct pg_param all[] = {PG_ID(caller->account_id), PG_I64(cursor.before_us),
                                   PG_ID(cursor.before_id), PG_I32((int32_t)limit)};
    switch (caller->kind) {
    case ENGINE_ACTOR_USER:
        return ask(op, pg, &gateway_sql_view_list_user, all, ARRAY_LEN(all), ret_rows);
    case ENGINE_ACTOR_MARKETPLACE:
        return ask(op, pg, &gateway_sql_view_list_marketplace, all, ARRAY_LEN(all), ret_rows);
    case ENGINE_ACTOR_STAFF: /* the same questions without whose */
        return ask(op, pg, &gateway_sql_view_list_all, all + 1, ARRAY_LEN(all) - 1, ret_rows);
    case ENGINE_ACTOR_NONE:
    case ENGINE_ACTOR_SYSTEM:
    case ENGINE_ACTOR_COUNT: break;
    }
    UNREACHABLE("a caller of this kind has no token");
}

STATUS gateway_repo_read_views(struct op *op, const struct pg_rows *rows,
                               const struct gateway_view **ret_views, uint32_t *ret_count)
{
    uint32_t count = pg_rows_count(rows);
    struct gateway_view *views = arena_new(op->arena, struct gateway_view, count);
    if (!views) {
        return op_arena_full(op);
    }
    for (uint32_t i = 0; i < count; i++) {
        TRY(read_view(op, rows, i, &views[i]));
    }
    *ret_views = views;
    *ret_count = count;
    return OK;
}

STATUS gateway_repo_read_pending(struct op *op, const struct pg_rows *rows,
                                 const struct gateway_deal **ret_deals, uint32_t *ret_count)
{
    uint32_t count = pg_rows_count(rows);
    struct gateway_deal *deals = arena_new(op->arena, struct gateway_deal, count);
    if (!deals) {
        return op_arena_full(op);
    }
    for (uint32_t i = 0; i < count; i++) {
        TRY(read_pending(op, rows, i, &deals[i]));
    }
    *ret_deals = deals;
    *ret_count = count;
    return OK;
}

STATUS gateway_repo_list(struct op *op, struct pg *pg, const struct gateway_caller *caller,
                         struct gateway_cursor cursor, uint32_t limit,
                         const struct gateway_view **ret_views, uint32_t *ret_count)
{
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(ask_list(op, pg, caller, cursor, limit, &rows));
    return gateway_repo_read_views(op, rows, ret_views, ret_count);
}

STATUS gateway_repo_timeline(struct op *op, struct pg *pg, struct id escrow_id, int64_t after_seq,
                             uint32_t limit, const struct gateway_entry **ret_entries,
                             uint32_t *ret_count)
{
    const struct pg_param params[] = {PG_ID(escrow_id), PG_I64(after_seq), PG_I32((int32_t)limit)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(ask(op, pg, &gateway_sql_timeline_list, params, ARRAY_LEN(params), &rows));
    uint32_t count = pg_rows_count(rows);
    struct gateway_entry *entries = arena_new(op->arena, struct gateway_entry, count);
    if (!entries) {
        return op_arena_full(op);
    }
    for (uint32_t i = 0; i < count; i++) {
        entries[i].escrow_id = escrow_id;
        TRY(read_entry(op, rows, i, &entries[i]));
    }
    *ret_entries = entries;
    *ret_count = count;
    return OK;
}

STATUS gateway_repo_read_command(struct op *op, const struct pg_rows *rows, uint32_t row,
                                 struct gateway_command_row *ret)
{
    *ret = (struct gateway_command_row){.outcome = INTAKE_OPEN};
    TRY(read_outcome(op, rows, row, &ret->outcome));
    ID(id);
    TEXT(topic);
    ID(key);
    TEXT(type);
    TRY(pg_rows_id(op, rows, row, "account", &ret->account_id));
    I64(created_at_us);
    TRY(pg_rows_text(op, rows, row, "outcome_code", &ret->code));
    TRY(pg_rows_text(op, rows, row, "outcome_sentence", &ret->sentence));
    I64(closed_at_us);
    return OK;
}

STATUS gateway_repo_find_command(struct op *op, struct pg *pg, struct id id,
                                 struct gateway_command_row *ret_command, bool *ret_found)
{
    const struct pg_param params[] = {PG_ID(id)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(ask(op, pg, &gateway_sql_command_get, params, ARRAY_LEN(params), &rows));
    *ret_found = pg_rows_count(rows) > 0;
    return *ret_found ? gateway_repo_read_command(op, rows, 0, ret_command) : OK;
}
