#pragma once

#include <libpq-fe.h>

#include "base/table.h"
#include "pg/pg.h"
#include "pg/pg_batch.h"

/* What the files of libs/pg share. Nobody else includes this. */

#define PG_COLUMNS_MAX 64                           /* of one table */
#define PG_VALUES_MAX (PG_COLUMNS_MAX + 2)          /* and the old version, and the row count */
#define PG_PREPARED_MAX 256                         /* statements of one connection */
#define PG_PENDING_MAX (2 * PG_BATCH_QUEUE_MAX + 4) /* each may need a Prepare; BEGIN, Sync */
/* A send buffer that grew past this is given back after the sync: one large batch is not a habit. */
#define PG_BUFFER_KEEP_BYTES ((size_t)1024 * 1024)

/* Oids of pg_catalog.pg_type; they never change. */
enum pg_oid {
    PG_OID_BOOL = 16,
    PG_OID_BYTEA = 17,
    PG_OID_INT8 = 20,
    PG_OID_INT2 = 21,
    PG_OID_INT4 = 23,
    PG_OID_TEXT = 25,
    PG_OID_VARCHAR = 1043,
    PG_OID_BOOL_ARRAY = 1000,
    PG_OID_BYTEA_ARRAY = 1001,
    PG_OID_INT2_ARRAY = 1005,
    PG_OID_INT4_ARRAY = 1007,
    PG_OID_TEXT_ARRAY = 1009,
    PG_OID_INT8_ARRAY = 1016,
    PG_OID_UUID = 2950,
    PG_OID_UUID_ARRAY = 2951,
};

/* What is done to a table; with the descriptor this names a prepared statement. */
enum pg_table_use {
    PG_TABLE_NONE = 0,
    PG_TABLE_STMT, /* not a table at all: a pg_stmt */
    PG_TABLE_TX,   /* BEGIN, COMMIT and the like */
    PG_TABLE_LOAD,
    PG_TABLE_CHILDREN,
    PG_TABLE_SCAN,
    PG_TABLE_INSERT,
    PG_TABLE_INSERT_MISSING,
    PG_TABLE_UPDATE,
    PG_TABLE_ERASE,
    PG_TABLE_USE_COUNT,
};

struct pg_prepared {
    const void *about; /* a table, a table_scan, a pg_stmt, or a literal of SQL */
    enum pg_table_use use;
    bool ready;  /* the server has it */
    bool queued; /* its Prepare is among the pending */
    char name[12];
};

enum pg_expect {
    PG_EXPECT_NONE = 0,
    PG_EXPECT_PREPARED,
    PG_EXPECT_DONE,     /* succeeds; nothing else matters */
    PG_EXPECT_STMT,     /* rows or a count, as stmt tells */
    PG_EXPECT_TABLE,    /* rows of a descriptor */
    PG_EXPECT_INSERTED, /* the number of rows must be `wanted` */
    PG_EXPECT_CHANGED,  /* the number of rows is wanted by the caller */
    PG_EXPECT_COMMIT,
    PG_EXPECT_SYNC,
    PG_EXPECT_COUNT,
};

/* One answer that is awaited. Outputs are written only when everything up to the sync succeeded. */
struct pg_pending {
    enum pg_expect expect;
    const char *what; /* for error messages: a statement's or a table's name */
    PGresult *result;
    struct pg_prepared *prepared;
    uint64_t wanted;
    const struct pg_stmt *stmt;
    const struct table *table;
    struct pg_batch_rows *ret_table_rows;
    struct pg_rows **ret_rows;
    uint64_t *ret_changed;
};

struct pg_buffer {
    char *ptr;
    size_t len;
    size_t capacity_bytes;
};

struct pg_conn {
    PGconn *db; /* NULL: not connected */
    PQconninfoOption *options;
    char *application_name;
    enum pg_use use;
    const struct pg_stmt *const *stmts;
    uint32_t stmt_count;
    struct pg *pool;
    uint32_t pool_index;

    bool in_tx;          /* a BEGIN was queued and no end was seen */
    bool commit_queued;  /* an unanswered COMMIT: losing the connection now means "unknown" */
    bool not_replicated; /* the server warned that a commit is local only */
    char sqlstate[6];

    struct pg_prepared prepared[PG_PREPARED_MAX];
    uint32_t prepared_count;
    struct pg_pending pending[PG_PENDING_MAX];
    uint32_t pending_count;

    /* The values of the statement being queued. */
    struct pg_buffer buffers[PG_VALUES_MAX];
    const char *values[PG_VALUES_MAX];
    int lengths[PG_VALUES_MAX];
    uint32_t value_count;
};

/* pg_error.c: records what the server said (or that it is gone) and says what to do. */
STATUS pg_error_of(struct op *op, struct pg_conn *conn, const PGresult *result, const char *what);
STATUS pg_error_lost(struct op *op, struct pg_conn *conn, const char *what);

/* pg_pack.c: the values of one statement. */
void pg_pack_reset(struct pg_conn *conn);
void pg_pack_trim(struct pg_conn *conn);
void pg_pack_fini(struct pg_conn *conn);
STATUS pg_pack_param(struct op *op, struct pg_conn *conn, const struct pg_param *param);
STATUS pg_pack_column(struct op *op, struct pg_conn *conn, const struct table_column *column,
                      const void *const *rows, uint32_t row_count);
/* The one value of row's column. */
STATUS pg_pack_cell(struct op *op, struct pg_conn *conn, const struct table_column *column,
                    const void *row);

/* pg_unpack.c */
STATUS pg_unpack_table(struct op *op, const struct table *table, const PGresult *result,
                       struct pg_batch_rows *ret_rows);

/* pg_rows.c: takes the result over. */
STATUS pg_rows_of(struct op *op, PGresult *result, struct pg_rows **ret_rows);

/* pg_sql.c: the text of a statement, in op->arena, and the types of its parameters. */
struct pg_sql {
    const char *text;
    uint32_t param_count;
    Oid param_types[PG_VALUES_MAX];
};

/* Is the column part of what this use of the table sends? Updates leave out what is fixed, deletes
 * all but the key. */
bool pg_sql_uses_column(const struct table *table, enum pg_table_use use, uint32_t column);
STATUS pg_sql_of(struct op *op, enum pg_table_use use, const void *about, struct pg_sql *ret_sql);
enum pg_oid pg_sql_oid(enum column_type type);
enum pg_oid pg_sql_array_oid(enum column_type type);

/* pg_pipe.c: queueing and waiting. */

/* Queues a Prepare if the server does not have it yet. */
STATUS pg_pipe_prepare(struct op *op, struct pg_conn *conn, enum pg_table_use use,
                       const void *about, const char *what, struct pg_prepared **ret_prepared);
/* Queues the statement with the values packed before. */
STATUS pg_pipe_send(struct op *op, struct pg_conn *conn, const struct pg_prepared *prepared,
                    const struct pg_pending *pending);
/* Queues BEGIN, COMMIT and the like; sql is a literal. */
STATUS pg_pipe_send_tx(struct op *op, struct pg_conn *conn, const char *sql, enum pg_expect expect);
/* Sends all with a Sync and reads all answers. */
STATUS pg_pipe_sync(struct op *op, struct pg_conn *conn);
void pg_pipe_forget(struct pg_conn *conn);
