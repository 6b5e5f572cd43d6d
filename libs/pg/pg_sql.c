/* From a table's descriptor to SQL. Names come from descriptors, which are ours; values never do. */
#include <inttypes.h>

#include "base/assert.h"
#include "pg/pg_internal.h"

#define SQL_MAX_BYTES ((size_t)16 * 1024)
#define PIECE_PAGES 64 /* half a megabyte: a millisecond */

enum pg_oid pg_sql_oid(enum column_type type)
{
    switch (type) {
    case COLUMN_UUID: return PG_OID_UUID;
    case COLUMN_INT8: return PG_OID_INT8;
    case COLUMN_INT4: return PG_OID_INT4;
    case COLUMN_ENUM: return PG_OID_INT2;
    case COLUMN_BOOL: return PG_OID_BOOL;
    case COLUMN_TEXT: return PG_OID_TEXT;
    case COLUMN_BYTEA:
    case COLUMN_HASH: return PG_OID_BYTEA;
    case COLUMN_NONE:
    case COLUMN_TYPE_COUNT: break;
    }
    UNREACHABLE("no such column type");
}

enum pg_oid pg_sql_array_oid(enum column_type type)
{
    switch (type) {
    case COLUMN_UUID: return PG_OID_UUID_ARRAY;
    case COLUMN_INT8: return PG_OID_INT8_ARRAY;
    case COLUMN_INT4: return PG_OID_INT4_ARRAY;
    case COLUMN_ENUM: return PG_OID_INT2_ARRAY;
    case COLUMN_BOOL: return PG_OID_BOOL_ARRAY;
    case COLUMN_TEXT: return PG_OID_TEXT_ARRAY;
    case COLUMN_BYTEA:
    case COLUMN_HASH: return PG_OID_BYTEA_ARRAY;
    case COLUMN_NONE:
    case COLUMN_TYPE_COUNT: break;
    }
    UNREACHABLE("no such column type");
}

static Oid stmt_oid(enum pg_type type)
{
    static const enum pg_oid oids[PG_TYPE_COUNT] = {
        [PG_TYPE_UUID] = PG_OID_UUID,
        [PG_TYPE_INT8] = PG_OID_INT8,
        [PG_TYPE_INT4] = PG_OID_INT4,
        [PG_TYPE_INT2] = PG_OID_INT2,
        [PG_TYPE_BOOL] = PG_OID_BOOL,
        [PG_TYPE_TEXT] = PG_OID_TEXT,
        [PG_TYPE_BYTEA] = PG_OID_BYTEA,
        [PG_TYPE_UUID_ARRAY] = PG_OID_UUID_ARRAY,
        [PG_TYPE_INT8_ARRAY] = PG_OID_INT8_ARRAY,
        [PG_TYPE_INT4_ARRAY] = PG_OID_INT4_ARRAY,
        [PG_TYPE_INT2_ARRAY] = PG_OID_INT2_ARRAY,
        [PG_TYPE_TEXT_ARRAY] = PG_OID_TEXT_ARRAY,
        [PG_TYPE_BYTEA_ARRAY] = PG_OID_BYTEA_ARRAY,
    };

    ASSERT(type > PG_TYPE_NONE);
    ASSERT(type < PG_TYPE_COUNT);
    return (Oid)oids[type];
}

static uint32_t add_param(struct pg_sql *sql, enum pg_oid oid)
{
    ASSERT(sql->param_count < PG_VALUES_MAX);
    sql->param_types[sql->param_count++] = (Oid)oid;
    return sql->param_count;
}

static void add_columns(struct strbuf *buf, const struct table *table)
{
    for (uint32_t i = 0; i < table->column_count; i++) {
        strbuf_addf(buf, "%s\"%s\"", i > 0 ? ", " : "", table->columns[i].name);
    }
}

bool pg_sql_uses_column(const struct table *table, enum pg_table_use use, uint32_t column)
{
    bool key = column < table->key_count;
    switch (use) {
    case PG_TABLE_UPDATE: return key || !table->columns[column].fixed;
    case PG_TABLE_ERASE: return key;
    case PG_TABLE_NONE:
    case PG_TABLE_STMT:
    case PG_TABLE_TX:
    case PG_TABLE_LOAD:
    case PG_TABLE_CHILDREN:
    case PG_TABLE_SCAN:
    case PG_TABLE_INSERT:
    case PG_TABLE_INSERT_MISSING:
    case PG_TABLE_USE_COUNT: break;
    }
    return true;
}

/* "unnest($1) AS c0, unnest($2) AS c1": in the SELECT list, which is quicker than in FROM. */
static void add_unnest(struct strbuf *buf, struct pg_sql *sql, const struct table *table,
                       enum pg_table_use use)
{
    const char *between = "";
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (pg_sql_uses_column(table, use, i)) {
            uint32_t number = add_param(sql, pg_sql_array_oid(table->columns[i].type));
            strbuf_addf(buf, "%sunnest($%" PRIu32 ") AS c%" PRIu32, between, number, i);
            between = ", ";
        }
    }
}

/*
 * The first key column is compared with the array as well: with nested loops switched off this leaves
 * one plan only (index by array, then a hash join with the values), whatever the statistics say. A
 * plan from the day when the table had one row would read all of it for ever.
 */
static void add_key_match(struct strbuf *buf, const struct table *table)
{
    strbuf_addf(buf, "t.\"%s\" = ANY($1)", table->columns[0].name);
    for (uint32_t i = 0; i < table->key_count; i++) {
        strbuf_addf(buf, " AND t.\"%s\" = n.c%" PRIu32, table->columns[i].name, i);
    }
}

static void add_load(struct strbuf *buf, struct pg_sql *sql, const struct table *table,
                     const struct table_column *by)
{
    ASSERT(by->type == COLUMN_UUID);
    strbuf_add(buf, STR("SELECT "));
    add_columns(buf, table);
    strbuf_addf(buf, " FROM \"%s\" WHERE \"%s\" = ANY($%" PRIu32 ")", table->name, by->name,
                add_param(sql, PG_OID_UUID_ARRAY));
}

static void add_children(struct strbuf *buf, struct pg_sql *sql, const struct table *table)
{
    ASSERT(table->parent >= 0);
    const struct table_column *parent = &table->columns[table->parent];
    add_load(buf, sql, table, parent);
    if (table->live > 0) {
        ASSERT(table->columns[table->live].type == COLUMN_BOOL);
        strbuf_addf(buf, " AND \"%s\"", table->columns[table->live].name);
    }
    strbuf_addf(buf, " ORDER BY \"%s\"", parent->name);
    for (uint32_t i = 0; i < table->key_count; i++) {
        strbuf_addf(buf, ", \"%s\"", table->columns[i].name);
    }
}

static void add_scan_where(struct strbuf *buf, struct pg_sql *sql, const struct table_scan *scan)
{
    const struct table_column *columns = scan->table->columns;
    const char *before = " WHERE ";
    if (scan->filter >= 0) {
        ASSERT(columns[scan->filter].type == COLUMN_BOOL);
        strbuf_addf(buf, "%s\"%s\"", before, columns[scan->filter].name);
        before = " AND ";
    }
    for (uint32_t i = 0; i < scan->equal_count; i++) {
        const struct table_column *column = &columns[scan->equal[i]];
        uint32_t number = add_param(sql, pg_sql_oid(column->type));
        strbuf_addf(buf, "%s\"%s\" = $%" PRIu32, before, column->name, number);
        before = " AND ";
    }
    if (scan->bound != SCAN_ALL) {
        const struct table_column *column = &columns[scan->order];
        ASSERT(column->type == COLUMN_INT8 || column->type == COLUMN_INT4);
        uint32_t number = add_param(sql, PG_OID_INT8);
        strbuf_addf(buf, "%s\"%s\" %s $%" PRIu32, before, column->name,
                    scan->bound == SCAN_ABOVE ? ">" : "<=", number);
    }
}

/* Not as NOT EXISTS: that can become a join which reads all of the other table. */
static void add_piece_stays(struct strbuf *buf, const struct table_scan *scan)
{
    const struct table_column *columns = scan->table->columns;
    const struct scan_among *among = &scan->among;
    for (uint16_t i = 0; i < among->count; i++) {
        ASSERT(columns[among->column].type == COLUMN_ENUM);
        if (i == 0) {
            strbuf_addf(buf, " AND \"%s\" IN (", columns[among->column].name);
        }
        strbuf_addf(buf, "%d%s", among->values[i], i + 1 < among->count ? ", " : ")");
    }
    if (scan->widow.of) {
        const struct table *of = scan->widow.of;
        ASSERT(of->key_count == 1 && of->columns[0].type == COLUMN_UUID);
        strbuf_addf(buf, " AND (SELECT true FROM \"%s\" o WHERE o.\"%s\" = \"%s\".\"%s\") IS NULL",
                    of->name, of->columns[0].name, scan->table->name,
                    columns[scan->widow.column].name);
    }
}

/* By the place of rows, between two pages that are known before the scan begins. */
static void add_piece(struct strbuf *buf, struct pg_sql *sql, const struct table_scan *scan)
{
    const struct table_column *columns = scan->table->columns;
    uint32_t equal[SCAN_EQUAL_MAX];
    ASSERT(columns[scan->order].type == COLUMN_INT8);
    for (uint32_t i = 0; i < scan->equal_count; i++) {
        equal[i] = add_param(sql, pg_sql_oid(columns[scan->equal[i]].type));
    }
    uint32_t before = add_param(sql, PG_OID_INT8);
    uint32_t place = add_param(sql, PG_OID_INT8);
    strbuf_addf(buf,
                "WITH piece AS (SELECT $%" PRIu32 " %% (pg_relation_size('\"%s\"') / (%d * "
                "current_setting('block_size')::bigint) + 1) * %d AS page) SELECT ",
                place, scan->table->name, PIECE_PAGES, PIECE_PAGES);
    add_columns(buf, scan->table);
    strbuf_addf(
        buf,
        " FROM \"%s\" WHERE ctid >= (SELECT format('(%%s,0)', page)::tid FROM piece) AND "
        "ctid < (SELECT format('(%%s,0)', page + %d)::tid FROM piece) AND \"%s\" <= $%" PRIu32,
        scan->table->name, PIECE_PAGES, columns[scan->order].name, before);
    if (scan->filter >= 0) {
        ASSERT(columns[scan->filter].type == COLUMN_BOOL);
        strbuf_addf(buf, " AND NOT \"%s\"", columns[scan->filter].name);
    }
    for (uint32_t i = 0; i < scan->equal_count; i++) {
        strbuf_addf(buf, " AND \"%s\" = $%" PRIu32, columns[scan->equal[i]].name, equal[i]);
    }
    add_piece_stays(buf, scan);
    strbuf_addf(buf, " LIMIT $%" PRIu32, add_param(sql, PG_OID_INT8));
}

static void add_scan(struct strbuf *buf, struct pg_sql *sql, const struct table_scan *scan)
{
    if (scan->bound == SCAN_PIECE) {
        add_piece(buf, sql, scan);
        return;
    }
    strbuf_add(buf, STR("SELECT "));
    add_columns(buf, scan->table);
    strbuf_addf(buf, " FROM \"%s\"", scan->table->name);
    add_scan_where(buf, sql, scan);
    if (scan->order >= 0) {
        strbuf_addf(buf, " ORDER BY \"%s\"", scan->table->columns[scan->order].name);
    }
    strbuf_addf(buf, " LIMIT $%" PRIu32, add_param(sql, PG_OID_INT8));
}

static void add_insert(struct strbuf *buf, struct pg_sql *sql, const struct table *table,
                       bool missing)
{
    strbuf_addf(buf, "INSERT INTO \"%s\" (", table->name);
    add_columns(buf, table);
    strbuf_add(buf, STR(") SELECT "));
    add_unnest(buf, sql, table, PG_TABLE_INSERT);
    if (missing) {
        strbuf_add(buf, STR(" ON CONFLICT DO NOTHING"));
    }
}

/*
 * The count is compared in SQL, so that a wrong one fails the transaction before the COMMIT that
 * may already be behind it in the same round trip.
 */
static void add_update(struct strbuf *buf, struct pg_sql *sql, const struct table *table)
{
    ASSERT(table->column_count > table->key_count);
    strbuf_addf(buf, "WITH u AS (UPDATE \"%s\" t SET ", table->name);
    const char *between = "";
    for (uint32_t i = table->key_count; i < table->column_count; i++) {
        if (pg_sql_uses_column(table, PG_TABLE_UPDATE, i)) {
            strbuf_addf(buf, "%s\"%s\" = n.c%" PRIu32, between, table->columns[i].name, i);
            between = ", ";
        }
    }
    strbuf_add(buf, STR(" FROM (SELECT "));
    add_unnest(buf, sql, table, PG_TABLE_UPDATE);
    if (table->version >= 0) {
        strbuf_addf(buf, ", unnest($%" PRIu32 ") AS was", add_param(sql, PG_OID_INT8_ARRAY));
    }
    strbuf_add(buf, STR(") n WHERE "));
    add_key_match(buf, table);
    if (table->version >= 0) {
        strbuf_addf(buf, " AND t.\"%s\" = n.was", table->columns[table->version].name);
    }
    strbuf_addf(buf, " RETURNING 1) SELECT assert_rows(count(*), $%" PRIu32 ") FROM u",
                add_param(sql, PG_OID_INT8));
}

static void add_erase(struct strbuf *buf, struct pg_sql *sql, const struct table *table)
{
    strbuf_addf(buf, "WITH u AS (DELETE FROM \"%s\" t USING (SELECT ", table->name);
    add_unnest(buf, sql, table, PG_TABLE_ERASE);
    strbuf_add(buf, STR(") n WHERE "));
    add_key_match(buf, table);
    strbuf_addf(buf, " RETURNING 1) SELECT assert_rows(count(*), $%" PRIu32 ") FROM u",
                add_param(sql, PG_OID_INT8));
}

static void add_stmt(struct strbuf *buf, struct pg_sql *sql, const struct pg_stmt *stmt)
{
    strbuf_add(buf, str_of(stmt->sql));
    for (uint32_t i = 0; i < stmt->param_count; i++) {
        uint32_t number = add_param(sql, stmt_oid(stmt->param_types[i]));
        ASSERT(number == i + 1);
    }
}

STATUS pg_sql_of(struct op *op, enum pg_table_use use, const void *about, struct pg_sql *ret_sql)
{
    struct pg_sql sql = {.param_count = 0};
    struct strbuf buf;
    strbuf_init(&buf, op->arena, SQL_MAX_BYTES);
    switch (use) {
    case PG_TABLE_STMT: add_stmt(&buf, &sql, about); break;
    case PG_TABLE_TX: strbuf_add(&buf, str_of(about)); break;
    case PG_TABLE_LOAD:
        add_load(&buf, &sql, about, &((const struct table *)about)->columns[0]);
        break;
    case PG_TABLE_CHILDREN: add_children(&buf, &sql, about); break;
    case PG_TABLE_SCAN: add_scan(&buf, &sql, about); break;
    case PG_TABLE_INSERT:
    case PG_TABLE_INSERT_MISSING:
        add_insert(&buf, &sql, about, use == PG_TABLE_INSERT_MISSING);
        break;
    case PG_TABLE_UPDATE: add_update(&buf, &sql, about); break;
    case PG_TABLE_ERASE: add_erase(&buf, &sql, about); break;
    case PG_TABLE_NONE:
    case PG_TABLE_USE_COUNT: UNREACHABLE("no such use of a table");
    }
    struct str text;
    if (!strbuf_finish(&buf, &text)) {
        return op_arena_full(op);
    }
    sql.text = text.ptr;
    *ret_sql = sql;
    return OK;
}
