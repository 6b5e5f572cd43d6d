/* In: rows of an escrow. Out: the lines of its dossier; and back. */
#include "holdfastctl/ctl_dossier.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/defer.h"
#include "escrow/escrow_repo.h"
#include "json/json_read.h"
#include "json/json_write.h"

#define BYTES_MAX 256 /* of a column of bytes: a signature has 64 */

/* ---- Columns: which, and how they are called ---- */

/* The columns of a line: all but the escrow's id, which the terms say; or those alone that never change. */
enum part {
    PART_ALL = 0,
    PART_FIXED, /* and the key */
};

static bool is_told(const struct table *table, uint16_t index, enum part part)
{
    const struct table_column *column = &table->columns[index];
    if (table->parent == (int16_t)index) {
        return false;
    }
    return part == PART_ALL || column->fixed || index < table->key_count;
}

static struct str state_name(int number)
{
    return str_of(escrow_state_name((enum escrow_state)number));
}

static struct str event_name(int number)
{
    return str_of(escrow_event_name((enum escrow_event)number));
}

static struct str account_name(int number)
{
    return str_of(escrow_account_name((enum escrow_account)number));
}

static struct str evidence_type(int number)
{
    return media_type((enum media)number);
}

static struct str own_currency_name(int number)
{
    return currency_name((enum currency)number);
}

struct naming {
    const char *column;
    int count;
    struct str (*name)(int number);
};

static const struct naming namings[] = {
    {"event", ESCROW_EVENT_COUNT, event_name},      {"from_state", ESCROW_STATE_COUNT, state_name},
    {"to_state", ESCROW_STATE_COUNT, state_name},   {"debit", ESCROW_ACCOUNT_COUNT, account_name},
    {"credit", ESCROW_ACCOUNT_COUNT, account_name}, {"currency", CURRENCY_COUNT, own_currency_name},
    {"type", MEDIA_COUNT, evidence_type},
};

/* NULL: its numbers have no names. */
static const struct naming *naming_of(const struct table_column *column)
{
    for (size_t i = 0; i < ARRAY_LEN(namings) && column->type == COLUMN_ENUM; i++) {
        if (strcmp(namings[i].column, column->name) == 0) {
            return &namings[i];
        }
    }
    return NULL;
}

/* ---- Writing ---- */

static void write_bytes(struct json_writer *out, const char *name, const void *bytes, size_t len)
{
    char memory[2 * BYTES_MAX + 1];
    struct strbuf buf;
    struct str hex;
    ASSERT(len <= BYTES_MAX);
    strbuf_init_fixed(&buf, memory, sizeof(memory));
    strbuf_add_hex(&buf, bytes, len);
    bool fits = strbuf_finish(&buf, &hex);
    ASSERT(fits);
    json_write_str(out, name, hex);
}

static void write_number(struct json_writer *out, const struct table_column *column, int number)
{
    const struct naming *naming = naming_of(column);
    json_write_i64(out, column->name, number);
    if (naming) {
        char memory[BYTES_MAX];
        struct strbuf buf;
        struct str name;
        strbuf_init_fixed(&buf, memory, sizeof(memory));
        strbuf_addf(&buf, "%s_name", column->name);
        bool fits = strbuf_finish(&buf, &name);
        ASSERT(fits);
        json_write_str(out, name.ptr, naming->name(number));
    }
}

static void write_column(struct json_writer *out, const struct table_column *column,
                         const void *field)
{
    switch (column->type) {
    case COLUMN_UUID: json_write_id(out, column->name, *(const struct id *)field); return;
    case COLUMN_INT8: json_write_i64(out, column->name, *(const int64_t *)field); return;
    case COLUMN_INT4: json_write_i64(out, column->name, *(const int32_t *)field); return;
    case COLUMN_ENUM: write_number(out, column, *(const int *)field); return;
    case COLUMN_BOOL: json_write_bool(out, column->name, *(const bool *)field); return;
    case COLUMN_TEXT: json_write_str(out, column->name, *(const struct str *)field); return;
    case COLUMN_BYTEA: {
        const struct str *bytes = field;
        write_bytes(out, column->name, bytes->ptr, bytes->len);
        return;
    }
    case COLUMN_HASH:
        write_bytes(out, column->name, ((const struct hash *)field)->bytes, HASH_BYTES);
        return;
    case COLUMN_NONE:
    case COLUMN_TYPE_COUNT: break;
    }
    UNREACHABLE("column type");
}

static void write_columns(struct json_writer *out, const struct table *table, enum part part,
                          const void *row)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (is_told(table, i, part)) {
            write_column(out, &table->columns[i], (const char *)row + table->columns[i].offset);
        }
    }
}

/* One line; `more` writes what a table does not tell. */
static STATUS add_line(struct op *op, struct strbuf *text, struct json_writer *line)
{
    struct str json;
    json_write_end(line);
    TRY(json_write_finish(op, line, &json));
    strbuf_add(text, json);
    strbuf_add_char(text, '\n');
    return OK;
}

static struct json_writer begin_line(struct op *op, const char *kind)
{
    struct json_writer line;
    json_write_init(&line, op->arena, JSON_INPUT_MAX_BYTES);
    json_write_object(&line, NULL);
    json_write_str(&line, "kind", str_of(kind));
    return line;
}

static STATUS write_rows(struct op *op, struct strbuf *text, const char *kind,
                         const struct table *table, enum part part, const void *rows,
                         uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct json_writer line = begin_line(op, kind);
        write_columns(&line, table, part, (const char *)rows + i * table->row_bytes);
        TRY(add_line(op, text, &line));
    }
    return OK;
}

static STATUS write_seals(struct op *op, struct strbuf *text, const struct ctl_dossier *dossier)
{
    for (uint32_t i = 0; i < dossier->seal_count; i++) {
        const struct ctl_dossier_seal *seal = &dossier->seals[i];
        struct json_writer line = begin_line(op, "seal");
        write_columns(&line, &escrow_seal_table, PART_ALL, &seal->seal);
        json_write_i64(&line, "seq", seal->leaf.seq);
        json_write_i64(&line, "leaf_index", seal->leaf.leaf_index);
        json_write_i64(&line, "prev_seal_n", seal->leaf.prev_seal_n);
        json_write_array(&line, "path");
        for (uint32_t p = 0; p < seal->path_count; p++) {
            write_bytes(&line, NULL, seal->path[p].bytes, HASH_BYTES);
        }
        json_write_end(&line);
        TRY(add_line(op, text, &line));
    }
    return OK;
}

static STATUS write_balances(struct op *op, struct strbuf *text, const struct ctl_dossier *dossier)
{
    struct ctl_totals totals[CTL_TOTALS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < dossier->transfer_count; i++) {
        if (!ctl_totals_add(op, totals, &count, &dossier->transfers[i])) {
            return op_fail(op, STATUS_INVALID, "ctl.dossier", "a transfer cannot be counted");
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        for (int a = ESCROW_ACCOUNT_NONE + 1; a < ESCROW_ACCOUNT_COUNT; a++) {
            const struct ctl_account_sum *sum = &totals[i].accounts[a];
            if (sum->debit_minor == 0 && sum->credit_minor == 0) {
                continue;
            }
            struct json_writer line = begin_line(op, "balance");
            json_write_str(&line, "currency", totals[i].currency);
            json_write_str(&line, "account", account_name(a));
            json_write_i64(&line, "debit_minor", sum->debit_minor);
            json_write_i64(&line, "credit_minor", sum->credit_minor);
            TRY(add_line(op, text, &line));
        }
    }
    return OK;
}

static STATUS write_end(struct op *op, struct strbuf *text, const struct ctl_dossier *dossier)
{
    struct json_writer line = begin_line(op, "end");
    json_write_str(&line, "state", state_name((int)dossier->escrow.state));
    json_write_i64(&line, "seq", dossier->escrow.seq);
    write_bytes(&line, "head", dossier->escrow.chain_head.bytes, HASH_BYTES);
    json_write_i64(&line, "milestones", dossier->milestone_count);
    json_write_i64(&line, "transitions", dossier->transition_count);
    json_write_i64(&line, "transfers", dossier->transfer_count);
    json_write_i64(&line, "verdicts", dossier->verdict_count);
    json_write_i64(&line, "evidence", dossier->evidence_count);
    json_write_i64(&line, "suspense", dossier->suspense_count);
    json_write_i64(&line, "seals", dossier->seal_count);
    return add_line(op, text, &line);
}

STATUS ctl_dossier_write(struct op *op, const struct ctl_dossier *dossier, struct str *ret_text)
{
    struct strbuf text;
    strbuf_init(&text, op->arena, CTL_DOSSIER_MAX_BYTES);
    struct json_writer line = begin_line(op, "dossier");
    json_write_str(&line, "format", STR(CTL_DOSSIER_FORMAT));
    TRY(add_line(op, &text, &line));
    TRY(write_rows(op, &text, "terms", &escrow_table, PART_FIXED, &dossier->escrow, 1));
    TRY(write_rows(op, &text, "milestone", &escrow_milestone_table, PART_FIXED, dossier->milestones,
                   dossier->milestone_count));
    TRY(write_rows(op, &text, "transition", &escrow_transition_table, PART_ALL,
                   dossier->transitions, dossier->transition_count));
    TRY(write_rows(op, &text, "transfer", &escrow_transfer_table, PART_ALL, dossier->transfers,
                   dossier->transfer_count));
    TRY(write_rows(op, &text, "verdict", &escrow_verdict_table, PART_ALL, dossier->verdicts,
                   dossier->verdict_count));
    TRY(write_rows(op, &text, "evidence", &escrow_evidence_table, PART_ALL, dossier->evidence,
                   dossier->evidence_count));
    TRY(write_rows(op, &text, "suspense", &escrow_suspense_table, PART_FIXED, dossier->suspense,
                   dossier->suspense_count));
    TRY(write_seals(op, &text, dossier));
    TRY(write_balances(op, &text, dossier));
    TRY(write_end(op, &text, dossier));
    return strbuf_finish(&text, ret_text)
               ? OK
               : op_fail(op, STATUS_LIMIT, "ctl.output_too_large", "a dossier over %zu bytes",
                         CTL_DOSSIER_MAX_BYTES);
}

/* ---- Reading ---- */

static const struct json_value *member(const struct json_value *object, const char *name)
{
    static const struct json_value none = {.kind = JSON_KIND_NONE};
    for (uint32_t i = 0; i < object->count; i++) {
        if (str_eq(object->names[i], str_of(name))) {
            return &object->items[i];
        }
    }
    return &none;
}

static bool read_bytes(struct op *op, const struct json_value *value, struct str *ret_bytes)
{
    size_t len = value->text.len / 2;
    if (value->kind != JSON_KIND_TEXT || len > BYTES_MAX) {
        return false;
    }
    uint8_t *bytes = arena_alloc(op->arena, len, 1);
    if (!bytes || !str_from_hex(value->text, bytes, len)) {
        return false;
    }
    *ret_bytes = (struct str){.ptr = (const char *)bytes, .len = len};
    return true;
}

static bool read_hash(const struct json_value *value, struct hash *ret_hash)
{
    return value->kind == JSON_KIND_TEXT && str_from_hex(value->text, ret_hash->bytes, HASH_BYTES);
}

static bool read_number(const struct json_value *value, int64_t min, int64_t max,
                        int64_t *ret_number)
{
    *ret_number = value->i64;
    return value->kind == JSON_KIND_I64 && value->i64 >= min && value->i64 <= max;
}

static bool read_enum(const struct json_value *value, const struct table_column *column,
                      int *ret_number)
{
    const struct naming *naming = naming_of(column);
    int64_t number = 0;
    bool right = read_number(value, 0, naming ? naming->count - 1 : INT16_MAX, &number);
    *ret_number = (int)number;
    return right;
}

/* The id of zeros is null. */
static bool read_id(const struct json_value *value, struct id *ret_id)
{
    return value->kind == JSON_KIND_NULL ||
           (value->kind == JSON_KIND_TEXT && id_parse(value->text, ret_id));
}

static bool read_column(struct op *op, const struct json_value *value,
                        const struct table_column *column, void *field)
{
    int64_t number = 0;
    switch (column->type) {
    case COLUMN_UUID: return read_id(value, field);
    case COLUMN_INT8: return read_number(value, INT64_MIN, INT64_MAX, field);
    case COLUMN_INT4:
        if (!read_number(value, INT32_MIN, INT32_MAX, &number)) {
            return false;
        }
        *(int32_t *)field = (int32_t)number;
        return true;
    case COLUMN_ENUM: return read_enum(value, column, field);
    case COLUMN_BOOL: *(bool *)field = value->yes; return value->kind == JSON_KIND_BOOL;
    case COLUMN_TEXT: *(struct str *)field = value->text; return value->kind == JSON_KIND_TEXT;
    case COLUMN_BYTEA: return read_bytes(op, value, field);
    case COLUMN_HASH: return read_hash(value, field);
    case COLUMN_NONE:
    case COLUMN_TYPE_COUNT: break;
    }
    UNREACHABLE("column type");
}

static bool read_row(struct op *op, const struct json_value *line, const struct table *table,
                     enum part part, void *row)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        const struct table_column *column = &table->columns[i];
        if (is_told(table, i, part) &&
            !read_column(op, member(line, column->name), column, (char *)row + column->offset)) {
            return false;
        }
    }
    return true;
}

static bool read_seal(struct op *op, const struct json_value *line, struct ctl_dossier_seal *ret)
{
    const struct json_value *path = member(line, "path");
    bool right = read_row(op, line, &escrow_seal_table, PART_ALL, &ret->seal) &&
                 read_number(member(line, "seq"), 1, INT64_MAX, &ret->leaf.seq) &&
                 read_number(member(line, "leaf_index"), 0, INT64_MAX, &ret->leaf.leaf_index) &&
                 read_number(member(line, "prev_seal_n"), 0, INT64_MAX, &ret->leaf.prev_seal_n) &&
                 path->kind == JSON_KIND_ARRAY && path->count <= ESCROW_SEAL_PATH_MAX;
    ret->leaf.seal_n = ret->seal.n;
    for (uint32_t i = 0; right && i < path->count; i++) {
        right = read_hash(&path->items[i], &ret->path[i]);
        ret->path_count = i + 1;
    }
    return right;
}

/* One line to its place; false: it is none of ours, or not whole. Lines that only say what follows from others are
 * not looked at: they are compared when all is written anew. */
static bool read_line(struct op *op, const struct json_value *line, struct ctl_dossier *dossier)
{
    struct str kind = STR("");
    if (line->kind != JSON_KIND_OBJECT || !json_text_at(line, "/kind", &kind)) {
        return false;
    }
    if (str_eq(kind, STR("terms"))) {
        return read_row(op, line, &escrow_table, PART_FIXED, &dossier->escrow);
    }
    if (str_eq(kind, STR("milestone"))) {
        return read_row(op, line, &escrow_milestone_table, PART_FIXED,
                        &dossier->milestones[dossier->milestone_count++]);
    }
    if (str_eq(kind, STR("transition"))) {
        return read_row(op, line, &escrow_transition_table, PART_ALL,
                        &dossier->transitions[dossier->transition_count++]);
    }
    if (str_eq(kind, STR("transfer"))) {
        return read_row(op, line, &escrow_transfer_table, PART_ALL,
                        &dossier->transfers[dossier->transfer_count++]);
    }
    if (str_eq(kind, STR("verdict"))) {
        return read_row(op, line, &escrow_verdict_table, PART_ALL,
                        &dossier->verdicts[dossier->verdict_count++]);
    }
    if (str_eq(kind, STR("evidence"))) {
        return read_row(op, line, &escrow_evidence_table, PART_ALL,
                        &dossier->evidence[dossier->evidence_count++]);
    }
    if (str_eq(kind, STR("suspense"))) {
        return read_row(op, line, &escrow_suspense_table, PART_FIXED,
                        &dossier->suspense[dossier->suspense_count++]);
    }
    if (str_eq(kind, STR("seal"))) {
        return read_seal(op, line, &dossier->seals[dossier->seal_count++]);
    }
    return str_eq(kind, STR("dossier")) || str_eq(kind, STR("balance")) || str_eq(kind, STR("end"));
}

static STATUS make_room(struct op *op, struct str text, struct ctl_dossier *dossier)
{
    uint32_t lines = 1;
    for (size_t i = 0; i < text.len; i++) {
        lines += text.ptr[i] == '\n' ? 1 : 0;
    }
    dossier->transitions = arena_new(op->arena, struct escrow_transition, lines);
    dossier->transfers = arena_new(op->arena, struct escrow_transfer, lines);
    dossier->verdicts = arena_new(op->arena, struct escrow_dispute_verdict, lines);
    dossier->evidence = arena_new(op->arena, struct escrow_evidence, lines);
    dossier->suspense = arena_new(op->arena, struct escrow_suspense, lines);
    dossier->milestones = arena_new(op->arena, struct escrow_milestone, lines);
    dossier->seals = arena_new(op->arena, struct ctl_dossier_seal, lines);
    bool room = dossier->transitions && dossier->transfers && dossier->verdicts &&
                dossier->evidence && dossier->suspense && dossier->milestones && dossier->seals;
    return room ? OK : op_arena_full(op);
}

/* The hash before the first transition is over the terms that were given; the rest of them follows. */
static void derive_terms(struct escrow *escrow)
{
    struct fee_split split;
    if (fee_try_split(escrow->price_minor, &escrow->fees, &split)) {
        escrow->buyer_fee_minor = split.buyer_fee_minor;
        escrow->seller_fee_minor = split.seller_fee_minor;
    }
}

void ctl_dossier_derive(struct ctl_dossier *dossier)
{
    derive_terms(&dossier->escrow);
    struct id id = dossier->escrow.id;
    for (uint32_t i = 0; i < dossier->transition_count; i++) {
        dossier->transitions[i].escrow_id = id;
    }
    for (uint32_t i = 0; i < dossier->transfer_count; i++) {
        dossier->transfers[i].escrow_id = id;
    }
    for (uint32_t i = 0; i < dossier->verdict_count; i++) {
        dossier->verdicts[i].escrow_id = id;
    }
    for (uint32_t i = 0; i < dossier->evidence_count; i++) {
        dossier->evidence[i].escrow_id = id;
    }
    for (uint32_t i = 0; i < dossier->suspense_count; i++) {
        dossier->suspense[i].escrow_id = id;
    }
    for (uint32_t i = 0; i < dossier->milestone_count; i++) { /* made with the deal */
        dossier->milestones[i].escrow_id = id;
        dossier->milestones[i].created_at_us = dossier->escrow.created_at_us;
    }
    for (uint32_t i = 0; i < dossier->seal_count; i++) {
        struct escrow_seal_leaf *leaf = &dossier->seals[i].leaf;
        leaf->escrow_id = id;
        if (leaf->seq >= 1 && leaf->seq <= (int64_t)dossier->transition_count) {
            leaf->head = dossier->transitions[leaf->seq - 1].hash;
        }
    }
    if (dossier->transition_count > 0) {
        const struct escrow_transition *last = &dossier->transitions[dossier->transition_count - 1];
        dossier->escrow.seq = last->seq;
        dossier->escrow.state = last->to_state;
        dossier->escrow.chain_head = last->hash;
    }
}

STATUS ctl_dossier_read(struct op *op, struct str text, struct ctl_dossier *ret_dossier)
{
    struct ctl_dossier dossier = {.transition_count = 0};
    struct str rest = text;
    struct str line = STR("");
    TRY(make_room(op, text, &dossier));
    for (uint32_t number = 1; rest.len > 0; number++) {
        const struct json_value *value = NULL;
        bool whole = str_cut(rest, '\n', &line, &rest);
        if (!whole || status_failed(json_read(op, line, &value)) ||
            !read_line(op, value, &dossier)) {
            return op_fail(op, STATUS_INVALID, "ctl.dossier", "line %" PRIu32 " is no line of one",
                           number);
        }
    }
    ctl_dossier_derive(&dossier);
    *ret_dossier = dossier;
    return OK;
}
