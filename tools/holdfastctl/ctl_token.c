/* In: who a token is for. Out: its text, once; the database keeps a hash. */
#include <stdio.h>

#include "base/hash.h"
#include "engine/engine.h"
#include "holdfastctl/ctl_db.h"
#include "holdfastctl/ctl_token_text.h"
#include "holdfastctl_sql.h"

#define LIST_DEFAULT 50
#define LABEL_MAX_BYTES 200

static const char *const kind_names[ENGINE_ACTOR_COUNT] = {
    [ENGINE_ACTOR_USER] = "user",
    [ENGINE_ACTOR_MARKETPLACE] = "marketplace",
    [ENGINE_ACTOR_STAFF] = "staff",
};

static STATUS parse_kind(struct op *op, struct str name, enum engine_actor_kind *ret_kind)
{
    for (int kind = ENGINE_ACTOR_NONE + 1; kind < ENGINE_ACTOR_COUNT; kind++) {
        if (kind_names[kind] && str_eq(name, str_of(kind_names[kind]))) {
            *ret_kind = (enum engine_actor_kind)kind;
            return OK;
        }
    }
    return op_fail(op, STATUS_INVALID, "ctl.usage", "--kind is user, marketplace or staff");
}

/* --account, or --user for a user; a new id where neither is given. */
static STATUS account_of(struct op *op, const struct ctl_args *args, enum engine_actor_kind kind,
                         struct id *ret_account)
{
    bool by_user = ctl_args_given(args, CTL_OPTION_USER);
    bool by_account = ctl_args_given(args, CTL_OPTION_ACCOUNT);
    if (by_user && (by_account || kind != ENGINE_ACTOR_USER)) {
        return op_fail(op, STATUS_INVALID, "ctl.usage",
                       "--user is for --kind user, and instead of --account");
    }
    *ret_account = by_user      ? args->uuid[CTL_OPTION_USER]
                   : by_account ? args->uuid[CTL_OPTION_ACCOUNT]
                                : id_random();
    return id_is_none(*ret_account)
               ? op_fail(op, STATUS_INVALID, "ctl.usage", "the account must not be all zeros")
               : OK;
}

static STATUS store(struct op *op, const struct ctl *ctl, const struct hash *hash,
                    enum engine_actor_kind kind, struct id account)
{
    const struct ctl_args *args = &ctl->args;
    struct str label =
        ctl_args_given(args, CTL_OPTION_LABEL) ? args->text[CTL_OPTION_LABEL] : STR("");
    if (label.len > LABEL_MAX_BYTES) {
        return op_fail(op, STATUS_INVALID, "ctl.usage", "--label is over %d bytes",
                       LABEL_MAX_BYTES);
    }
    int32_t days =
        ctl_args_given(args, CTL_OPTION_DAYS) ? (int32_t)args->number[CTL_OPTION_DAYS] : 0;
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    TRY(ctl_db_open(op, ctl, STR("gateway"), &conn));
    const struct pg_param params[] = {PG_HASH(hash), PG_I16(kind), PG_ID(account), PG_TEXT(label),
                                      PG_I32(days)};
    return pg_exec(op, conn, &holdfastctl_sql_token_insert, params, ARRAY_LEN(params),
                   /* ret_changed */ NULL);
}

/* For people: the token alone on standard output, so that a script can catch it. */
struct status ctl_token_create(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {
        {"token", CTL_CELL_TEXT}, {"kind", CTL_CELL_TEXT}, {"account_id", CTL_CELL_ID}};
    enum engine_actor_kind kind;
    struct id account;
    struct str token;
    TRY(parse_kind(op, ctl->args.text[CTL_OPTION_KIND], &kind));
    TRY(account_of(op, &ctl->args, kind, &account));
    TRY(ctl_token_make(op, ctl_args_given(&ctl->args, CTL_OPTION_LIVE), &token));
    struct hash hash = hash_of(token);
    TRY(store(op, ctl, &hash, kind, account));
    if (!ctl->out.json) {
        char text[ID_TEXT_BYTES];
        id_format(account, text);
        (void)fprintf(stderr, "%s %s; the token is shown this once\n", kind_names[kind], text);
        ctl_out_line(&ctl->out, token);
        return OK;
    }
    struct ctl_table table;
    struct ctl_cell *cells;
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), 1));
    TRY(ctl_table_add(op, &table, &cells));
    cells[0].text = token;
    cells[1].text = str_of(kind_names[kind]);
    cells[2].id = account;
    ctl_out_object(&ctl->out, "token", &table);
    return OK;
}

static STATUS add_token(struct op *op, const struct pg_rows *rows, uint32_t row,
                        struct ctl_table *table)
{
    struct ctl_cell *cells;
    int kind;
    TRY(ctl_table_add(op, table, &cells));
    TRY(pg_rows_text(op, rows, row, "hash", &cells[0].text));
    TRY(pg_rows_enum(op, rows, row, "kind", ENGINE_ACTOR_COUNT, &kind));
    cells[1].text = str_of(kind_names[kind]);
    TRY(pg_rows_id(op, rows, row, "account_id", &cells[2].id));
    TRY(pg_rows_text(op, rows, row, "label", &cells[3].text));
    TRY(pg_rows_text(op, rows, row, "created_at", &cells[4].text));
    TRY(pg_rows_text(op, rows, row, "expires_at", &cells[5].text));
    return pg_rows_text(op, rows, row, "revoked_at", &cells[6].text);
}

struct status ctl_token_list(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {
        {"hash", CTL_CELL_TEXT},       {"kind", CTL_CELL_TEXT},       {"account_id", CTL_CELL_ID},
        {"label", CTL_CELL_TEXT},      {"created_at", CTL_CELL_TEXT}, {"expires_at", CTL_CELL_TEXT},
        {"revoked_at", CTL_CELL_TEXT},
    };
    int32_t limit = ctl_args_given(&ctl->args, CTL_OPTION_LIMIT)
                        ? (int32_t)ctl->args.number[CTL_OPTION_LIMIT]
                        : LIST_DEFAULT;
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    struct ctl_table table;
    TRY(ctl_db_open(op, ctl, STR("gateway"), &conn));
    const struct pg_param params[] = {PG_I32(limit)};
    TRY(pg_query(op, conn, &holdfastctl_sql_token_list, params, ARRAY_LEN(params), &rows));
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), CTL_ROWS_MAX));
    for (uint32_t row = 0; row < pg_rows_count(rows); row++) {
        TRY(add_token(op, rows, row, &table));
    }
    ctl_out_list(&ctl->out, "tokens", /* heading */ NULL, &table);
    return OK;
}

struct status ctl_token_revoke(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {{"hash", CTL_CELL_TEXT},
                                                {"account_id", CTL_CELL_ID}};
    struct str argument = ctl->args.argument;
    struct hash hash;
    if (ctl_token_is_whole(argument)) {
        hash = hash_of(argument);
    } else if (!str_from_hex(argument, hash.bytes, HASH_BYTES)) {
        return op_fail(op, STATUS_INVALID, "ctl.usage",
                       "neither a token nor the 64 digits of its hash (see token list)");
    }
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(ctl_db_open(op, ctl, STR("gateway"), &conn));
    const struct pg_param params[] = {PG_HASH(&hash)};
    TRY(pg_query(op, conn, &holdfastctl_sql_token_revoke, params, ARRAY_LEN(params), &rows));
    if (pg_rows_count(rows) == 0) {
        return op_fail(op, STATUS_NOT_FOUND, "ctl.not_found", "there is no such token");
    }
    struct ctl_table table;
    struct ctl_cell *cells;
    struct strbuf buf;
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), 1));
    TRY(ctl_table_add(op, &table, &cells));
    strbuf_init(&buf, op->arena, (size_t)2 * HASH_BYTES + 1);
    strbuf_add_hex(&buf, hash.bytes, HASH_BYTES);
    if (!strbuf_finish(&buf, &cells[0].text)) {
        return op_arena_full(op);
    }
    TRY(pg_rows_id(op, rows, 0, "account_id", &cells[1].id));
    ctl_out_object(&ctl->out, "revoked", &table);
    return OK;
}
