/* One allocation for each request, which holds all that the request points to. */
#include "engine/intake_entry.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mutex.h"

static bool is_slice(enum column_type type)
{
    return type == COLUMN_TEXT || type == COLUMN_BYTEA;
}

static struct str *slice_at(void *row, const struct table_column *column)
{
    return (struct str *)(void *)((char *)row + column->offset);
}

static size_t rounded(size_t bytes)
{
    return (bytes + 15) & ~(size_t)15;
}

size_t intake_entry_bytes(const struct intake_request *request)
{
    size_t bytes = rounded(sizeof(struct intake_entry)) + request->type.len + request->payload.len;
    const struct table *table = request->extra_table;
    if (!table) {
        return bytes;
    }
    bytes += rounded(table->row_bytes);
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (is_slice(table->columns[i].type)) {
            struct str s;
            memcpy(&s, (const char *)request->extra_row + table->columns[i].offset, sizeof(s));
            bytes += s.len;
        }
    }
    return bytes;
}

/* Copies the slice to where *at points and moves *at behind it. */
static void move_slice(struct str *s, char **at)
{
    if (s->len > 0) {
        memcpy(*at, s->ptr, s->len);
    }
    s->ptr = *at;
    *at += s->len;
}

struct intake_entry *intake_entry_new(const struct intake_request *request)
{
    size_t bytes = intake_entry_bytes(request);
    struct intake_entry *entry = calloc(1, bytes); /* LINT-OK: outlives the submitting op */
    if (!entry) {
        return NULL;
    }
    entry->request = *request;
    entry->bytes = bytes;
    entry->holders = 2;
    entry->status = OK;
    char *at = (char *)entry + rounded(sizeof(*entry));
    const struct table *table = request->extra_table;
    if (table) {
        void *row = at;
        memcpy(row, request->extra_row, table->row_bytes);
        at += rounded(table->row_bytes);
        for (uint16_t i = 0; i < table->column_count; i++) {
            if (is_slice(table->columns[i].type)) {
                move_slice(slice_at(row, &table->columns[i]), &at);
            }
        }
        entry->request.extra_row = row;
    }
    move_slice(&entry->request.type, &at);
    move_slice(&entry->request.payload, &at);
    ASSERT(at == (char *)entry + bytes);

    cond_init(&entry->changed);
    return entry;
}

void intake_entry_free(struct intake_entry *entry)
{
    cond_fini(&entry->changed);
    free(entry);
}
