/* One connection: how it is opened, what every session has set, how it ends. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "pg/pg_internal.h"

#define CONNINFO_MAX_BYTES ((size_t)8 * 1024)
#define KEYWORDS_MAX 64

static struct status parse_conninfo(struct op *op, struct str conninfo,
                                    PQconninfoOption **ret_options)
{
    struct str text = str_dup(op->arena, conninfo);
    if (!text.ptr) {
        return op_arena_full(op);
    }
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(text.ptr, &message);
    PQfreemem(message); /* it may quote a password: never shown */
    if (!options) {
        return op_fail(op, STATUS_INVALID, "pg.conninfo", "the conninfo cannot be read");
    }
    *ret_options = options;
    return OK;
}

static const char *option_value(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword; options++) {
        if (strcmp(options->keyword, keyword) == 0) {
            return options->val;
        }
    }
    return NULL;
}

STATUS pg_conn_new(struct op *op, const struct pg_conn_options *options, struct pg_conn **ret_conn)
{
    ASSERT(options->use > PG_USE_NONE);
    ASSERT(options->use < PG_USE_COUNT);
    PQconninfoOption *parsed = NULL;
    TRY(parse_conninfo(op, options->conninfo, &parsed));
    struct pg_conn *conn = calloc(1, sizeof(*conn)); /* LINT-OK: outlives every op */
    ASSERT(conn);
    size_t name_bytes = options->application_name.len;
    conn->application_name = calloc(1, name_bytes + 1); /* LINT-OK: outlives every op */
    ASSERT(conn->application_name);
    if (name_bytes > 0) {
        memcpy(conn->application_name, options->application_name.ptr, name_bytes);
    }
    conn->options = parsed;
    conn->use = options->use;
    conn->stmts = options->stmts;
    conn->stmt_count = options->stmt_count;
    *ret_conn = conn;
    return OK;
}

void pg_conn_free(struct pg_conn *conn)
{
    if (!conn) {
        return;
    }
    pg_conn_drop(conn);
    pg_pack_fini(conn);
    PQconninfoFree(conn->options);
    free(conn->application_name);
    free(conn);
}

void pg_conn_drop(struct pg_conn *conn)
{
    pg_pipe_forget(conn);
    if (conn->db) {
        PQfinish(conn->db);
    }
    conn->db = NULL;
    conn->in_tx = false;
    conn->not_replicated = false;
    conn->prepared_count = 0;
}

bool pg_conn_is_open(const struct pg_conn *conn)
{
    return conn->db && PQstatus(conn->db) == CONNECTION_OK;
}

#define ALIVE_READS_MAX 8 /* a farewell and then the end of the stream are two */

bool pg_conn_is_alive(struct pg_conn *conn)
{
    if (!pg_conn_is_open(conn)) {
        return false;
    }
    for (int i = 0; i < ALIVE_READS_MAX; i++) {
        struct pollfd pollfd = {.fd = PQsocket(conn->db), .events = POLLIN};
        if (poll(&pollfd, 1, 0 /* ms */) <= 0) {
            return true;
        }
        if (!PQconsumeInput(conn->db)) {
            return false;
        }
    }
    return false;
}

int32_t pg_conn_backend_pid(const struct pg_conn *conn)
{
    return conn->db ? PQbackendPID(conn->db) : 0;
}

const char *pg_conn_sqlstate(const struct pg_conn *conn)
{
    return conn->sqlstate;
}

/*
 * A commit that gave up waiting for its standby succeeds with a warning. It is known by the place
 * that raised it, because texts are translated and only one of its two causes has an SQLSTATE.
 */
static void on_notice(void *arg, const PGresult *result)
{
    struct pg_conn *conn = arg;
    const char *where = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
    if (where && strcmp(where, "SyncRepWaitForLSN") == 0) {
        conn->not_replicated = true;
    }
}

/*
 * Behind the options of the conninfo, so that ours win. Lanes run every statement thousands of
 * times and always by key, and requests have an index for whatever they ask: a plan that was made while a
 * table was empty must not stay a scan of the whole table when it is not. See add_key_match in pg_sql.c
 * for the joins of lanes.
 */
static struct status session_options(struct op *op, const struct pg_conn *conn,
                                     const char **ret_text)
{
    const char *given = option_value(conn->options, "options");
    bool admin = conn->use == PG_USE_ADMIN;
    struct strbuf buf;
    strbuf_init(&buf, op->arena, CONNINFO_MAX_BYTES);
    strbuf_addf(&buf, "%s -c statement_timeout=%d -c lock_timeout=%d", given ? given : "",
                admin ? 0 : PG_STATEMENT_TIMEOUT_MS, PG_LOCK_TIMEOUT_MS);
    strbuf_addf(&buf, " -c idle_in_transaction_session_timeout=%d",
                admin ? 0 : PG_IDLE_IN_TX_TIMEOUT_MS);
    strbuf_addf(&buf, " -c client_connection_check_interval=%d", PG_CLIENT_CHECK_MS);
    strbuf_add(&buf, STR(" -c synchronous_commit=on -c timezone=UTC -c jit=off"
                         " -c default_transaction_isolation=read\\ committed"));
    if (!admin) {
        strbuf_add(&buf, STR(" -c enable_seqscan=off -c plan_cache_mode=force_generic_plan"));
    }
    if (conn->use == PG_USE_LANE) {
        strbuf_add(&buf, STR(" -c enable_bitmapscan=off"
                             " -c enable_nestloop=off -c enable_mergejoin=off"));
    }
    struct str text;
    if (!strbuf_finish(&buf, &text)) {
        return op_arena_full(op);
    }
    *ret_text = text.ptr;
    return OK;
}

struct keywords {
    const char *names[KEYWORDS_MAX + 1];
    const char *values[KEYWORDS_MAX + 1];
    uint32_t count;
};

static void add_keyword(struct keywords *keywords, const char *name, const char *value)
{
    ASSERT(keywords->count < KEYWORDS_MAX);
    keywords->names[keywords->count] = name;
    keywords->values[keywords->count] = value;
    keywords->count++;
}

/* What is ours where the conninfo does not say otherwise. */
static void add_number(struct op *op, const struct pg_conn *conn, struct keywords *keywords,
                       const char *name, int value)
{
    char *text = arena_alloc(op->arena, 16, 1);
    if (option_value(conn->options, name) || !text) {
        return;
    }
    int len = snprintf(text, 16, "%d", value);
    ASSERT(len > 0);
    add_keyword(keywords, name, text);
}

static struct status open_session(struct op *op, struct pg_conn *conn)
{
    struct keywords keywords = {.count = 0};
    const char *session = NULL;
    TRY(session_options(op, conn, &session));
    for (const PQconninfoOption *option = conn->options; option->keyword; option++) {
        if (option->val && strcmp(option->keyword, "options") != 0) {
            add_keyword(&keywords, option->keyword, option->val);
        }
    }
    add_keyword(&keywords, "options", session);
    add_keyword(&keywords, "client_encoding", "UTF8");
    if (!option_value(conn->options, "application_name")) {
        add_keyword(&keywords, "application_name", conn->application_name);
    }
    if (conn->use == PG_USE_LANE && !option_value(conn->options, "target_session_attrs")) {
        add_keyword(&keywords, "target_session_attrs", "read-write");
    }
    add_number(op, conn, &keywords, "connect_timeout", PG_CONNECT_TIMEOUT_S);
    add_number(op, conn, &keywords, "keepalives_idle", PG_KEEPALIVE_IDLE_S);
    add_number(op, conn, &keywords, "keepalives_interval", PG_KEEPALIVE_INTERVAL_S);
    add_number(op, conn, &keywords, "keepalives_count", PG_KEEPALIVE_COUNT);
    add_number(op, conn, &keywords, "tcp_user_timeout", PG_TCP_USER_TIMEOUT_MS);
    conn->db = PQconnectdbParams(keywords.names, keywords.values, 0 /* no conninfo within */);
    ASSERT(conn->db);
    if (PQstatus(conn->db) != CONNECTION_OK) {
        return pg_error_lost(op, conn, "connect");
    }
    PQsetNoticeReceiver(conn->db, on_notice, conn);
    if (PQsetnonblocking(conn->db, 1) != 0 || !PQenterPipelineMode(conn->db)) {
        return pg_error_lost(op, conn, "connect");
    }
    return OK;
}

/* In groups, so that any number of statements fits the queue. */
static struct status prepare_all(struct op *op, struct pg_conn *conn)
{
    for (uint32_t i = 0; i < conn->stmt_count; i++) {
        struct pg_prepared *prepared = NULL;
        TRY(pg_pipe_prepare(op, conn, PG_TABLE_STMT, conn->stmts[i], conn->stmts[i]->name,
                            &prepared));
        if (i % PG_BATCH_QUEUE_MAX == PG_BATCH_QUEUE_MAX - 1 || i + 1 == conn->stmt_count) {
            TRY(pg_pipe_sync(op, conn));
        }
    }
    return OK;
}

STATUS pg_conn_connect(struct op *op, struct pg_conn *conn)
{
    pg_conn_drop(conn);
    TRY(open_session(op, conn));
    struct status st = prepare_all(op, conn);
    if (status_failed(st)) {
        pg_conn_drop(conn);
    }
    return st;
}

STATUS pg_conn_script(struct op *op, struct pg_conn *conn, struct str sql)
{
    ASSERT(!conn->in_tx);
    ASSERT(conn->pending_count == 0);
    struct str text = str_dup(op->arena, sql);
    if (!text.ptr) {
        return op_arena_full(op);
    }
    if (!conn->db || !PQexitPipelineMode(conn->db) || PQsetnonblocking(conn->db, 0) != 0) {
        return pg_error_lost(op, conn, "script");
    }
    PGresult *result = PQexec(conn->db, text.ptr);
    ExecStatusType status = PQresultStatus(result);
    struct status st = OK;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY) {
        st = pg_error_of(op, conn, result, "script");
    }
    PQclear(result);
    if (conn->db && (PQtransactionStatus(conn->db) != PQTRANS_IDLE ||
                     PQsetnonblocking(conn->db, 1) != 0 || !PQenterPipelineMode(conn->db))) {
        pg_conn_drop(conn); /* a script that left its transaction open */
        return status_failed(st) ? st : op_fail(op, STATUS_BUG, "pg.refused", "script: not ended");
    }
    return st;
}

/* keyword='value', with ' and \ escaped by \. */
static void add_quoted(struct strbuf *buf, const char *keyword, const char *value)
{
    strbuf_addf(buf, "%s%s='", buf->len > 0 ? " " : "", keyword);
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\') {
            strbuf_add_char(buf, '\\');
        }
        strbuf_add_char(buf, *value);
    }
    strbuf_add_char(buf, '\'');
}

STATUS pg_conninfo_with(struct op *op, struct str conninfo, struct str option,
                        struct str *ret_conninfo)
{
    PQconninfoOption *parsed = NULL;
    TRY(parse_conninfo(op, conninfo, &parsed));
    struct strbuf joined;
    strbuf_init(&joined, op->arena, CONNINFO_MAX_BYTES);
    const char *given = option_value(parsed, "options");
    strbuf_addf(&joined, "%s%s" STR_FMT, given ? given : "", given ? " " : "", STR_ARG(option));
    struct str options;
    bool fits = strbuf_finish(&joined, &options);
    struct strbuf buf;
    strbuf_init(&buf, op->arena, CONNINFO_MAX_BYTES);
    for (const PQconninfoOption *each = parsed; each->keyword; each++) {
        if (each->val && strcmp(each->keyword, "options") != 0) {
            add_quoted(&buf, each->keyword, each->val);
        }
    }
    if (fits) {
        add_quoted(&buf, "options", options.ptr);
    }
    PQconninfoFree(parsed);
    struct str result;
    if (!strbuf_finish(&buf, &result) || !fits) {
        return op_fail(op, STATUS_INVALID, "pg.conninfo", "the conninfo is too long");
    }
    *ret_conninfo = result;
    return OK;
}
