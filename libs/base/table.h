#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/id.h"
#include "base/str.h"

/*
 * A table told once: its columns and where they lie in a C struct. Loading, inserting, updating and
 * the simulator's copies all come from it. No column is ever NULL: "none" is zero or empty.
 */

enum column_type {
    COLUMN_NONE = 0,
    COLUMN_UUID,  /* struct id    uuid */
    COLUMN_INT8,  /* int64_t      bigint */
    COLUMN_INT4,  /* int32_t      integer */
    COLUMN_ENUM,  /* an enum of ours, or int: smallint */
    COLUMN_BOOL,  /* bool         boolean */
    COLUMN_TEXT,  /* struct str   text, UTF-8 without NUL */
    COLUMN_BYTEA, /* struct str   bytea */
    COLUMN_HASH,  /* struct hash  bytea of 32 bytes */
    COLUMN_TYPE_COUNT,
};

struct table_column {
    const char *name;
    enum column_type type;
    size_t offset;
    bool fixed; /* set by the insert; updates leave it out: what was agreed cannot change */
};

struct table {
    const char *name;
    size_t row_bytes;
    const struct table_column *columns;
    uint16_t column_count;
    uint16_t key_count; /* the first key_count columns are the primary key */
    int16_t version;    /* the column (COLUMN_INT8) that every update raises by any step, or -1 */
    int16_t parent; /* the column (COLUMN_UUID) with the aggregate's id, for load_children; or -1 */
    /* The column (COLUMN_BOOL) without which a child matters to no decision any more: load_children
     * leaves it out. 0, which is a key's, for none. */
    int16_t live;
};

#define TABLE_NO_COLUMN (-1)
#define TABLE_FIXED_COLUMN(row_type, field, kind)                                          \
    {                                                                                      \
        .name = #field, .type = (kind), .offset = offsetof(row_type, field), .fixed = true \
    }
#define TABLE_COLUMN(row_type, field, kind)                                 \
    {                                                                       \
        .name = #field, .type = (kind), .offset = offsetof(row_type, field) \
    }
/* A field within a struct of the row; the column's own name is a literal. */
#define TABLE_INNER_COLUMN(row_type, path, column, kind, is_fixed)                                \
    {                                                                                             \
        .name = (column), .type = (kind), .offset = offsetof(row_type, path), .fixed = (is_fixed) \
    }

enum scan_bound {
    SCAN_ALL = 0,
    SCAN_ABOVE, /* order column > bound */
    SCAN_UP_TO, /* order column <= bound */
    /* One piece of the table, as it lies on disk: the bound-th, modulo how many there are. Of its rows those whose order
     * column is at most that of `like`, and where `filter` is false, in no order. Needs no index: for who looks through all of a
     * table, a piece at a time, and does not mind to miss some until he comes by again. */
    SCAN_PIECE,
};

#define SCAN_EQUAL_MAX 2
#define SCAN_AMONG_MAX 4

/* Rows whose column (COLUMN_ENUM) has one of these values. None of them: any rows. */
struct scan_among {
    uint16_t column;
    uint16_t count;
    int values[SCAN_AMONG_MAX];
};

/* Rows whose column (COLUMN_UUID) is the key of no row of that table. NULL: any rows. */
struct scan_widow {
    const struct table *of;
    uint16_t column;
};

/*
 * A question that is asked often and has an index (but SCAN_PIECE): rows where `filter` is true and the `equal`
 * columns have given values, in rising order of `order`, which may be bounded.
 */
struct table_scan {
    const char *name; /* unique within a service; also the prepared statement's name */
    const struct table *table;
    int16_t filter; /* COLUMN_BOOL, or TABLE_NO_COLUMN */
    uint16_t equal_count;
    uint16_t equal[SCAN_EQUAL_MAX];
    int16_t order; /* COLUMN_INT8, COLUMN_INT4 or COLUMN_UUID (SCAN_ALL only), or TABLE_NO_COLUMN */
    enum scan_bound bound;
    /* Of SCAN_PIECE: an answer that is full of rows which stay would hide those that go. */
    struct scan_among among;
    struct scan_widow widow;
};
