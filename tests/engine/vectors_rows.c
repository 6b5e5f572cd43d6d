/* The tables that the store's vectors are about, and their rows from words and back. */
#include "vectors_rows.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "engine/engine_tables.h"
#include "sim/sim_db.h"

/* ---- The tables ---- */

struct thing {
    struct id id;
    int64_t version;
    struct id parent;
    bool live;
    int64_t born;
    int kind;
    int32_t size;
    int64_t at;
    struct str name;
    struct str blob;
    struct hash digest;
};

struct pair {
    struct id parent;
    int64_t seq;
    int32_t value;
};

struct label {
    struct id id;
    struct id parent;
    int64_t mark;
};

enum { THING_PARENT = 2, THING_LIVE = 3, THING_KIND = 5, THING_SIZE = 6, THING_AT = 7 };

static const struct table_column thing_columns[] = {
    TABLE_COLUMN(struct thing, id, COLUMN_UUID),
    TABLE_COLUMN(struct thing, version, COLUMN_INT8),
    TABLE_COLUMN(struct thing, parent, COLUMN_UUID),
    TABLE_COLUMN(struct thing, live, COLUMN_BOOL),
    TABLE_FIXED_COLUMN(struct thing, born, COLUMN_INT8),
    TABLE_COLUMN(struct thing, kind, COLUMN_ENUM),
    TABLE_COLUMN(struct thing, size, COLUMN_INT4),
    TABLE_COLUMN(struct thing, at, COLUMN_INT8),
    TABLE_COLUMN(struct thing, name, COLUMN_TEXT),
    TABLE_COLUMN(struct thing, blob, COLUMN_BYTEA),
    TABLE_COLUMN(struct thing, digest, COLUMN_HASH),
};
static const struct table_column pair_columns[] = {
    TABLE_COLUMN(struct pair, parent, COLUMN_UUID),
    TABLE_COLUMN(struct pair, seq, COLUMN_INT8),
    TABLE_COLUMN(struct pair, value, COLUMN_INT4),
};
static const struct table_column label_columns[] = {
    TABLE_COLUMN(struct label, id, COLUMN_UUID),
    TABLE_COLUMN(struct label, parent, COLUMN_UUID),
    TABLE_COLUMN(struct label, mark, COLUMN_INT8),
};
static const uint16_t label_unique[] = {1, 2};

static const struct table thing_table = {.name = "thing",
                                         .row_bytes = sizeof(struct thing),
                                         .columns = thing_columns,
                                         .column_count = ARRAY_LEN(thing_columns),
                                         .key_count = 1,
                                         .version = 1,
                                         .parent = THING_PARENT,
                                         .live = THING_LIVE};
static const struct table pair_table = {.name = "pair",
                                        .row_bytes = sizeof(struct pair),
                                        .columns = pair_columns,
                                        .column_count = ARRAY_LEN(pair_columns),
                                        .key_count = 2,
                                        .version = TABLE_NO_COLUMN,
                                        .parent = 0};
static const struct table label_table = {.name = "label",
                                         .row_bytes = sizeof(struct label),
                                         .columns = label_columns,
                                         .column_count = ARRAY_LEN(label_columns),
                                         .key_count = 1,
                                         .version = TABLE_NO_COLUMN,
                                         .parent = TABLE_NO_COLUMN};

static const struct table *const tables[] = {&thing_table, &pair_table, &label_table,
                                             &engine_lane_change_table};

static const struct table_scan scans[] = {
    {.name = "live_by_at",
     .table = &thing_table,
     .filter = THING_LIVE,
     .equal_count = 1,
     .equal = {THING_PARENT},
     .order = THING_AT,
     .bound = SCAN_ABOVE},
    {.name = "live_up_to",
     .table = &thing_table,
     .filter = THING_LIVE,
     .equal_count = 1,
     .equal = {THING_PARENT},
     .order = THING_AT,
     .bound = SCAN_UP_TO},
    {.name = "dead_piece",
     .table = &thing_table,
     .filter = THING_LIVE,
     .equal_count = 1,
     .equal = {THING_PARENT},
     .order = THING_AT,
     .bound = SCAN_PIECE},
    {.name = "any_piece",
     .table = &thing_table,
     .filter = TABLE_NO_COLUMN,
     .equal_count = 1,
     .equal = {THING_PARENT},
     .order = THING_AT,
     .bound = SCAN_PIECE},
    {.name = "among_piece",
     .table = &thing_table,
     .filter = TABLE_NO_COLUMN,
     .equal_count = 1,
     .equal = {THING_PARENT},
     .order = THING_AT,
     .bound = SCAN_PIECE,
     .among = {.column = THING_KIND, .count = 2, .values = {2, 5}}},
    {.name = "widow_piece",
     .table = &thing_table,
     .filter = TABLE_NO_COLUMN,
     .equal_count = 1,
     .equal = {THING_PARENT},
     .order = THING_AT,
     .bound = SCAN_PIECE,
     .widow = {.of = &label_table, .column = 0}},
    {.name = "all_by_size",
     .table = &thing_table,
     .filter = TABLE_NO_COLUMN,
     .equal_count = 2,
     .equal = {THING_PARENT, THING_KIND},
     .order = THING_SIZE,
     .bound = SCAN_ALL},
    {.name = "any_by_size",
     .table = &thing_table,
     .filter = TABLE_NO_COLUMN,
     .equal_count = 1,
     .equal = {THING_PARENT},
     .order = THING_SIZE,
     .bound = SCAN_UP_TO},
    {.name = "by_id",
     .table = &thing_table,
     .filter = TABLE_NO_COLUMN,
     .equal_count = 1,
     .equal = {THING_PARENT},
     .order = 0,
     .bound = SCAN_ALL},
    {.name = "unordered",
     .table = &thing_table,
     .filter = TABLE_NO_COLUMN,
     .equal_count = 1,
     .equal = {THING_PARENT},
     .order = TABLE_NO_COLUMN,
     .bound = SCAN_ALL},
    {.name = "pairs_above",
     .table = &pair_table,
     .filter = TABLE_NO_COLUMN,
     .equal_count = 1,
     .equal = {0},
     .order = 1,
     .bound = SCAN_ABOVE},
    {.name = "told",
     .table = &engine_lane_change_table,
     .filter = TABLE_NO_COLUMN,
     .equal_count = 1,
     .equal = {0},
     .order = 1,
     .bound = SCAN_ALL},
};

/* ---- Rows from words and back ---- */

const struct table *vectors_rows_table(const struct vectors *run)
{
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        if (str_eq(run->line->words[2], str_of(tables[i]->name))) {
            return tables[i];
        }
    }
    vectors_bad(run, "no such table");
    return NULL;
}

/* \0 and \xff stand for the bytes that no text may have. */
static struct str text_of(struct vectors *run, struct str word)
{
    if (str_eq(word, STR("\\0"))) {
        return STR("a\0b");
    }
    return str_eq(word, STR("\\xff")) ? STR("a\xff") : str_dup(&run->world->arena, word);
}

static void set_column(struct vectors *run, const struct table_column *column, struct str word,
                       char *row)
{
    char *at = row + column->offset;
    bool is_number = column->type != COLUMN_TEXT && column->type != COLUMN_BYTEA;
    int64_t number = is_number ? vectors_number(run, word) : 0;
    int32_t small = (int32_t)number;
    bool truth = number != 0;
    struct id id = vectors_id(run, number);
    struct hash hash = {.bytes = {0}};
    struct str text = is_number ? STR("") : text_of(run, word);
    hash.bytes[31] = (uint8_t)number;
    switch (column->type) {
    case COLUMN_UUID: memcpy(at, &id, sizeof(id)); break;
    case COLUMN_INT8: memcpy(at, &number, sizeof(number)); break;
    case COLUMN_INT4:
    case COLUMN_ENUM: memcpy(at, &small, sizeof(small)); break;
    case COLUMN_BOOL: memcpy(at, &truth, sizeof(truth)); break;
    case COLUMN_TEXT:
    case COLUMN_BYTEA: memcpy(at, &text, sizeof(text)); break;
    case COLUMN_HASH: memcpy(at, &hash, sizeof(hash)); break;
    case COLUMN_NONE:
    case COLUMN_TYPE_COUNT: vectors_bad(run, "no such type");
    }
}

static void set_defaults(const struct table *table, char *row)
{
    struct str empty = STR("");
    for (uint16_t c = 0; c < table->column_count; c++) {
        enum column_type type = table->columns[c].type;
        if (type == COLUMN_TEXT || type == COLUMN_BYTEA) {
            memcpy(row + table->columns[c].offset, &empty, sizeof(empty));
        }
    }
}

/* "name=value" words; the first column also as a word alone. */
void *vectors_rows_read(struct vectors *run, const struct table *table, uint32_t first,
                        uint32_t end)
{
    char *row = arena_alloc(&run->world->arena, 1, table->row_bytes);
    assert_non_null(row);
    memset(row, 0, table->row_bytes);
    set_defaults(table, row);
    for (uint32_t w = first; w < end; w++) {
        struct str name = STR("");
        struct str value = run->line->words[w];
        bool named = str_cut(run->line->words[w], '=', &name, &value);
        bool known = !named;
        if (!named) {
            set_column(run, &table->columns[0], value, row);
        }
        for (uint16_t c = 0; named && c < table->column_count; c++) {
            if (str_eq(name, str_of(table->columns[c].name))) {
                set_column(run, &table->columns[c], value, row);
                known = true;
            }
        }
        known |= str_eq(name, STR("was"));
        if (!known) {
            vectors_bad(run, "no such column");
        }
    }
    return row;
}

static void say_column(const struct vectors *run, const struct table_column *column, bool key,
                       const char *row)
{
    const char *at = row + column->offset;
    int64_t number = 0;
    struct str text = STR("");
    if (column->type == COLUMN_UUID) {
        struct id id;
        memcpy(&id, at, sizeof(id));
        number = vectors_id_number(run, id);
    } else if (column->type == COLUMN_INT8) {
        memcpy(&number, at, sizeof(number));
    } else if (column->type == COLUMN_INT4 || column->type == COLUMN_ENUM) {
        int32_t small;
        memcpy(&small, at, sizeof(small));
        number = small;
    } else if (column->type == COLUMN_BOOL) {
        number = *(const bool *)at ? 1 : 0;
    } else if (column->type == COLUMN_HASH) {
        number = (uint8_t)at[sizeof(struct hash) - 1];
    } else {
        memcpy(&text, at, sizeof(text));
    }
    if (key) {
        strbuf_addf(run->said, "%" PRId64, number);
    } else if (text.len > 0) {
        strbuf_addf(run->said, " %s=" STR_FMT, column->name, STR_ARG(text));
    } else if (number != 0) {
        strbuf_addf(run->said, " %s=%" PRId64, column->name, number);
    }
}

static int compare_keys(const void *a, const void *b)
{
    return memcmp(*(const void *const *)a, *(const void *const *)b, sizeof(struct id));
}

void vectors_rows_say(const struct vectors *run, const struct vectors_rows *output)
{
    const char *rows[VECTORS_ROWS_MAX];
    assert_true(output->rows.count <= VECTORS_ROWS_MAX);
    for (uint32_t i = 0; i < output->rows.count; i++) {
        rows[i] = (const char *)output->rows.rows + i * output->table->row_bytes;
    }
    if (output->any_order) {
        qsort((void *)rows, output->rows.count, sizeof(rows[0]), compare_keys);
    }
    strbuf_add(run->said, STR(" ["));
    for (uint32_t i = 0; i < output->rows.count; i++) {
        strbuf_add(run->said, i > 0 ? STR("; ") : STR(""));
        for (uint16_t c = 0; c < output->table->column_count; c++) {
            say_column(run, &output->table->columns[c], c == 0, rows[i]);
        }
    }
    strbuf_add(run->said, STR("]"));
}

const struct table_scan *vectors_rows_scan(const struct vectors *run)
{
    for (size_t i = 0; i < ARRAY_LEN(scans); i++) {
        if (str_eq(run->line->words[2], str_of(scans[i].name))) {
            return &scans[i];
        }
    }
    vectors_bad(run, "no such scan");
    return NULL;
}

void vectors_rows_constrain(struct sim_db *db)
{
    sim_db_unique(db, &label_table, label_unique, ARRAY_LEN(label_unique));
}
