/* In: tables of cells. Out: aligned text or JSON on standard output, all or nothing. */
#include "holdfastctl/ctl_out.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/file.h"

#define CELL_TEXT_MAX_BYTES ((size_t)16 * 1024)
#define WIDTH_MAX 64 /* of an aligned column; longer cells just stick out */

void ctl_out_init(struct ctl_out *out, struct arena *arena, bool json)
{
    *out = (struct ctl_out){.json = json};
    strbuf_init(&out->text, arena, CTL_OUT_MAX_BYTES);
    json_write_init(&out->writer, arena, CTL_OUT_MAX_BYTES);
    if (json) {
        json_write_object(&out->writer, /* name */ NULL);
    }
}

struct status ctl_table_init(struct op *op, struct ctl_table *ret_table,
                             const struct ctl_column *columns, uint32_t column_count,
                             uint32_t row_max)
{
    ASSERT(column_count > 0 && column_count <= CTL_COLUMNS_MAX);
    ASSERT(row_max <= CTL_ROWS_MAX);
    *ret_table = (struct ctl_table){
        .columns = columns,
        .column_count = column_count,
        .row_max = row_max,
        .cells = arena_new(op->arena, struct ctl_cell, (size_t)column_count * (row_max + 1)),
    };
    return ret_table->cells ? OK : op_arena_full(op);
}

struct status ctl_table_add(struct op *op, struct ctl_table *table, struct ctl_cell **ret_cells)
{
    if (table->row_count == table->row_max) {
        return op_fail(op, STATUS_LIMIT, "ctl.output_too_large", "over %" PRIu32 " rows",
                       table->row_max);
    }
    *ret_cells = table->cells + (size_t)table->column_count * table->row_count;
    table->row_count++;
    return OK;
}

/* A cell as people read it. */
static void cell_text(const struct ctl_column *column, const struct ctl_cell *cell,
                      struct strbuf *buf)
{
    char time[CLOCK_ISO_BYTES];
    char id[ID_TEXT_BYTES];
    switch (column->kind) {
    case CTL_CELL_TEXT: strbuf_add(buf, cell->text); return;
    case CTL_CELL_NUMBER: strbuf_addf(buf, "%" PRId64, cell->number); return;
    case CTL_CELL_BOOL: strbuf_add(buf, cell->number != 0 ? STR("yes") : STR("no")); return;
    case CTL_CELL_ID:
        if (!id_is_none(cell->id)) {
            id_format(cell->id, id);
            strbuf_add(buf, str_of(id));
        }
        return;
    case CTL_CELL_TIME:
        if (cell->number != 0) {
            clock_format_iso(cell->number, time);
            strbuf_add(buf, str_of(time));
        }
        return;
    case CTL_CELL_NONE:
    case CTL_CELL_KIND_COUNT: break;
    }
    UNREACHABLE("cell kind");
}

static void cell_json(struct json_writer *writer, const struct ctl_column *column,
                      const struct ctl_cell *cell)
{
    switch (column->kind) {
    case CTL_CELL_TEXT: json_write_str(writer, column->name, cell->text); return;
    case CTL_CELL_NUMBER: json_write_i64(writer, column->name, cell->number); return;
    case CTL_CELL_BOOL: json_write_bool(writer, column->name, cell->number != 0); return;
    case CTL_CELL_ID: json_write_id(writer, column->name, cell->id); return;
    case CTL_CELL_TIME:
        if (cell->number != 0) {
            json_write_time(writer, column->name, cell->number);
        } else {
            json_write_null(writer, column->name);
        }
        return;
    case CTL_CELL_NONE:
    case CTL_CELL_KIND_COUNT: break;
    }
    UNREACHABLE("cell kind");
}

static const struct ctl_cell *row_of(const struct ctl_table *table, uint32_t row)
{
    return table->cells + (size_t)table->column_count * row;
}

static void row_json(struct json_writer *writer, const char *name, const struct ctl_table *table,
                     uint32_t row)
{
    json_write_object(writer, name);
    for (uint32_t c = 0; c < table->column_count; c++) {
        cell_json(writer, &table->columns[c], &row_of(table, row)[c]);
    }
    json_write_end(writer);
}

/* Bytes, which for our texts are columns of the terminal. */
static size_t cell_width(struct arena *arena, const struct ctl_column *column,
                         const struct ctl_cell *cell)
{
    struct strbuf buf;
    struct str text;
    strbuf_init(&buf, arena, CELL_TEXT_MAX_BYTES);
    cell_text(column, cell, &buf);
    return strbuf_finish(&buf, &text) ? text.len : WIDTH_MAX;
}

static void pad(struct strbuf *buf, size_t written, size_t width)
{
    for (size_t i = written; i < width + 2; i++) {
        strbuf_add_char(buf, ' ');
    }
}

static void list_text(struct ctl_out *out, const struct ctl_table *table)
{
    struct arena *arena = out->text.arena;
    size_t widths[CTL_COLUMNS_MAX];
    for (uint32_t c = 0; c < table->column_count; c++) {
        widths[c] = str_of(table->columns[c].name).len;
        for (uint32_t r = 0; r < table->row_count; r++) {
            size_t width = cell_width(arena, &table->columns[c], &row_of(table, r)[c]);
            widths[c] = width > widths[c] && width <= WIDTH_MAX ? width : widths[c];
        }
    }
    for (uint32_t r = 0; r <= table->row_count; r++) {
        for (uint32_t c = 0; c < table->column_count; c++) {
            size_t before = out->text.len;
            if (r == 0) {
                strbuf_add(&out->text, str_of(table->columns[c].name));
            } else {
                cell_text(&table->columns[c], &row_of(table, r - 1)[c], &out->text);
            }
            if (c + 1 < table->column_count) {
                pad(&out->text, out->text.len - before, widths[c]);
            }
        }
        strbuf_add_char(&out->text, '\n');
    }
}

void ctl_out_list(struct ctl_out *out, const char *name, const char *heading,
                  const struct ctl_table *table)
{
    if (out->json) {
        json_write_array(&out->writer, name);
        for (uint32_t r = 0; r < table->row_count; r++) {
            row_json(&out->writer, /* name */ NULL, table, r);
        }
        json_write_end(&out->writer);
        return;
    }
    if (heading) {
        strbuf_addf(&out->text, "%s%s\n", out->text.len > 0 ? "\n" : "", heading);
    }
    list_text(out, table);
}

void ctl_out_object(struct ctl_out *out, const char *name, const struct ctl_table *table)
{
    ASSERT(table->row_count == 1);
    if (out->json) {
        row_json(&out->writer, name, table, 0);
        return;
    }
    size_t width = 0;
    for (uint32_t c = 0; c < table->column_count; c++) {
        size_t len = str_of(table->columns[c].name).len;
        width = len > width ? len : width;
    }
    for (uint32_t c = 0; c < table->column_count; c++) {
        struct str label = str_of(table->columns[c].name);
        strbuf_add(&out->text, label);
        pad(&out->text, label.len, width);
        cell_text(&table->columns[c], &row_of(table, 0)[c], &out->text);
        strbuf_add_char(&out->text, '\n');
    }
}

void ctl_out_line(struct ctl_out *out, struct str line)
{
    if (!out->json) {
        strbuf_add(&out->text, line);
        strbuf_add_char(&out->text, '\n');
    }
}

struct status ctl_out_print(struct op *op, struct ctl_out *out)
{
    struct str text;
    if (out->json) {
        json_write_end(&out->writer);
        TRY(json_write_finish(op, &out->writer, &text));
    } else if (!strbuf_finish(&out->text, &text)) {
        return op_fail(op, STATUS_LIMIT, "ctl.output_too_large", "over %zu bytes",
                       CTL_OUT_MAX_BYTES);
    }
    if (out->file.ptr) {
        TRY(file_write(op, out->file, text));
    }
    bool written = fwrite(text.ptr, 1, text.len, stdout) == text.len;
    if (out->json) {
        written = fputc('\n', stdout) != EOF && written;
    }
    written = fflush(stdout) == 0 && written;
    return written ? OK : op_fail(op, STATUS_RETRY, "ctl.output", "standard output takes no more");
}
