#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "base/op.h"
#include "base/str.h"
#include "json/json_write.h"

/*
 * What a command prints: sections that are tables, as aligned text for people or, with --json, as one
 * object with a member for each section. Printed once, at the end, so that a failed command prints
 * nothing on standard output.
 */

#define CTL_OUT_MAX_BYTES ((size_t)16 * 1024 * 1024)
#define CTL_COLUMNS_MAX 32
#define CTL_ROWS_MAX 10000

enum ctl_cell_kind {
    CTL_CELL_NONE = 0,
    CTL_CELL_TEXT,
    CTL_CELL_NUMBER,
    CTL_CELL_BOOL,
    CTL_CELL_ID,   /* empty for the id of zeros */
    CTL_CELL_TIME, /* microseconds since 1970; empty for 0 */
    CTL_CELL_KIND_COUNT,
};

struct ctl_column {
    const char *name; /* the JSON member's, and the heading */
    enum ctl_cell_kind kind;
};

struct ctl_cell {
    struct str text; /* TEXT, NUL-free */
    int64_t number;  /* NUMBER, BOOL, TIME */
    struct id id;
};

struct ctl_table {
    const struct ctl_column *columns;
    uint32_t column_count;
    struct ctl_cell *cells; /* row after row */
    uint32_t row_count;
    uint32_t row_max;
};

struct ctl_out {
    bool json;
    struct json_writer writer;
    struct strbuf text;
    struct str file; /* where the same is written, too; ptr NULL: nowhere */
};

void ctl_out_init(struct ctl_out *out, struct arena *arena, bool json);

/* At most row_max rows, in op->arena. */
STATUS ctl_table_init(struct op *op, struct ctl_table *ret_table, const struct ctl_column *columns,
                      uint32_t column_count, uint32_t row_max);
/* The cells of a new row, to be filled in the order of the columns. STATUS_LIMIT
 * "ctl.output_too_large". Text must live until the end. */
STATUS ctl_table_add(struct op *op, struct ctl_table *table, struct ctl_cell **ret_cells);

/* A list: an array of objects in JSON; heading may be NULL (no line above the table). */
void ctl_out_list(struct ctl_out *out, const char *name, const char *heading,
                  const struct ctl_table *table);
/* One thing: the table's only row, a line for each column. */
void ctl_out_object(struct ctl_out *out, const char *name, const struct ctl_table *table);
/* A sentence that only people get. */
void ctl_out_line(struct ctl_out *out, struct str line);

/* Writes it to standard output, and to out->file. STATUS_LIMIT, STATUS_RETRY "ctl.output", "file.unwritable". */
STATUS ctl_out_print(struct op *op, struct ctl_out *out);
