/* In: who a token is for. Out: its text, once; the database keeps a hash. The key of a signed one is kept
 * nowhere. */
#include <stdio.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/request_key.h"
#include "engine/engine.h"
#include "holdfastctl/ctl_db.h"
#include "holdfastctl/ctl_token_text.h"
#include "holdfastctl_sql.h"

#define LIST_DEFAULT 50
#define LABEL_MAX_BYTES 200

static STATUS parse_kind(struct op *op, struct str name, enum engine_actor_kind *ret_kind)
{
    static const enum engine_actor_kind kinds[] = {ENGINE_ACTOR_USER, ENGINE_ACTOR_MARKETPLACE,
                                                   ENGINE_ACTOR_STAFF};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (str_eq(name, engine_actor_name(kinds[i]))) {
            *ret_kind = kinds[i];
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

/* What a token is made of. The key and its id are there for one that is signed with. */
struct token {
    enum engine_actor_kind kind;
    struct id account;
    struct str text;
    struct hash hash;
    bool is_signed;
    struct str key_id;
    struct str key;
};

static STATUS store(struct op *op, const struct ctl *ctl, const struct token *token)
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
    const struct pg_param params[] = {PG_HASH(&token->hash), PG_I16(token->kind),
                                      PG_ID(token->account), PG_TEXT(label),
                                      PG_I32(days),          PG_BOOL(token->is_signed)};
    return pg_exec(op, conn, &holdfastctl_sql_token_insert, params, ARRAY_LEN(params),
                   /* ret_changed */ NULL);
}

static STATUS hex_of(struct op *op, const struct hash *hash, struct str *ret_text)
{
    struct strbuf buf;
    strbuf_init(&buf, op->arena, (size_t)2 * HASH_BYTES + 1);
    strbuf_add_hex(&buf, hash->bytes, HASH_BYTES);
    return strbuf_finish(&buf, ret_text) ? OK : op_arena_full(op);
}

static STATUS derive_key(struct op *op, const struct conf *conf, struct token *token)
{
    if (!conf_given(conf, "REQUEST_SIGNING_SECRET")) {
        return op_fail(op, STATUS_INVALID, "ctl.usage",
                       "--signed wants the gateway's REQUEST_SIGNING_SECRET");
    }
    struct hash key = request_key(conf_secret(conf, "REQUEST_SIGNING_SECRET"), token->text);
    TRY(hex_of(op, &token->hash, &token->key_id));
    return hex_of(op, &key, &token->key);
}

static STATUS make(struct op *op, const struct ctl *ctl, struct token *ret_token)
{
    struct token token = {.is_signed = ctl_args_given(&ctl->args, CTL_OPTION_SIGNED)};
    TRY(parse_kind(op, ctl->args.text[CTL_OPTION_KIND], &token.kind));
    TRY(account_of(op, &ctl->args, token.kind, &token.account));
    TRY(ctl_token_make(op, ctl_args_given(&ctl->args, CTL_OPTION_LIVE), &token.text));
    token.hash = hash_of(token.text);
    if (token.is_signed) {
        TRY(derive_key(op, ctl->conf, &token));
    }
    *ret_token = token;
    return OK;
}

/* For people: what must be kept alone on standard output, so that a script can catch it. That it is shown once is said
 * to who sees it. */
static void show(struct ctl *ctl, const struct token *token)
{
    char text[ID_TEXT_BYTES];
    id_format(token->account, text);
    struct str kind = engine_actor_name(token->kind);
    (void)fprintf(stderr, STR_FMT " %s%s\n", STR_ARG(kind), text,
                  isatty(STDOUT_FILENO) != 1 ? ""
                  : token->is_signed
                      ? "; the token, the id of its key and the key are shown this once"
                      : "; the token is shown this once");
    ctl_out_line(&ctl->out, token->text);
    if (token->is_signed) {
        ctl_out_line(&ctl->out, token->key_id);
        ctl_out_line(&ctl->out, token->key);
    }
}

struct status ctl_token_create(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {{"token", CTL_CELL_TEXT},
                                                {"kind", CTL_CELL_TEXT},
                                                {"account_id", CTL_CELL_ID},
                                                {"key_id", CTL_CELL_TEXT},
                                                {"key", CTL_CELL_TEXT}};
    const uint32_t unsigned_columns = 3; /* the key's two come last */
    struct token token;
    TRY(make(op, ctl, &token));
    TRY(store(op, ctl, &token));
    if (!ctl->out.json) {
        show(ctl, &token);
        return OK;
    }
    struct ctl_table table;
    struct ctl_cell *cells;
    TRY(ctl_table_init(op, &table, columns,
                       token.is_signed ? (uint32_t)ARRAY_LEN(columns) : unsigned_columns, 1));
    TRY(ctl_table_add(op, &table, &cells));
    cells[0].text = token.text;
    cells[1].text = engine_actor_name(token.kind);
    cells[2].id = token.account;
    if (token.is_signed) {
        cells[3].text = token.key_id;
        cells[4].text = token.key;
    }
    ctl_out_object(&ctl->out, "token", &table);
    return OK;
}

static STATUS add_token(struct op *op, const struct pg_rows *rows, uint32_t row,
                        struct ctl_table *table)
{
    struct ctl_cell *cells;
    int kind;
    bool is_signed;
    TRY(ctl_table_add(op, table, &cells));
    TRY(pg_rows_text(op, rows, row, "hash", &cells[0].text));
    TRY(pg_rows_enum(op, rows, row, "kind", ENGINE_ACTOR_COUNT, &kind));
    cells[1].text = engine_actor_name((enum engine_actor_kind)kind);
    TRY(pg_rows_id(op, rows, row, "account_id", &cells[2].id));
    TRY(pg_rows_text(op, rows, row, "label", &cells[3].text));
    TRY(pg_rows_bool(op, rows, row, "is_signed", &is_signed));
    cells[4].number = is_signed;
    TRY(pg_rows_text(op, rows, row, "created_at", &cells[5].text));
    TRY(pg_rows_text(op, rows, row, "expires_at", &cells[6].text));
    return pg_rows_text(op, rows, row, "revoked_at", &cells[7].text);
}

struct status ctl_token_list(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {
        {"hash", CTL_CELL_TEXT},       {"kind", CTL_CELL_TEXT},       {"account_id", CTL_CELL_ID},
        {"label", CTL_CELL_TEXT},      {"signed", CTL_CELL_BOOL},     {"created_at", CTL_CELL_TEXT},
        {"expires_at", CTL_CELL_TEXT}, {"revoked_at", CTL_CELL_TEXT},
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
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), 1));
    TRY(ctl_table_add(op, &table, &cells));
    TRY(hex_of(op, &hash, &cells[0].text));
    TRY(pg_rows_id(op, rows, 0, "account_id", &cells[1].id));
    ctl_out_object(&ctl->out, "revoked", &table);
    return OK;
}
