#include <stddef.h>
#include <string.h>

#include "base/assert.h"
#include "base/card.h"
#include "json/json_read.h"

/* One JSON object into one struct, by a table. Refusals name our field and never the value. */

static struct status blame(struct op *op, const struct json_field *field, const char *code)
{
    char memory[OP_ERR_FIELD_MAX_BYTES];
    struct strbuf pointer;
    strbuf_init_fixed(&pointer, memory, sizeof(memory));
    strbuf_addf(&pointer, "/%s", field->name);
    struct str text;
    ASSERT(strbuf_finish(&pointer, &text)); /* names are ours and short */
    return op_blame(op, op_fail(op, STATUS_INVALID, code, "field %s", field->name), text);
}

static int64_t characters(struct str text)
{
    int64_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += ((unsigned char)text.ptr[i] & 0xC0) != 0x80; /* not a continuation byte */
    }
    return count;
}

static bool in_range(const struct json_field *field, int64_t value)
{
    bool unbounded = field->min == 0 && field->max == 0;
    return unbounded || (value >= field->min && value <= field->max);
}

static struct status read_i64(struct op *op, const struct json_field *field,
                              const struct json_value *value, void *place)
{
    if (value->kind == JSON_KIND_REAL) {
        return blame(op, field, "json.not_integer");
    }
    if (value->kind != JSON_KIND_I64) {
        return blame(op, field, "json.wrong_type");
    }
    if (!in_range(field, value->i64)) {
        return blame(op, field, "json.out_of_range");
    }
    memcpy(place, &value->i64, sizeof(value->i64));
    return OK;
}

static struct status read_text(struct op *op, const struct json_field *field,
                               const struct json_value *value, void *place)
{
    if (value->kind != JSON_KIND_TEXT) {
        return blame(op, field, "json.wrong_type");
    }
    if (!in_range(field, characters(value->text))) {
        return blame(op, field, "json.out_of_range");
    }
    if (field->prose && card_number_in(value->text)) {
        return blame(op, field, "json.card_number");
    }
    memcpy(place, &value->text, sizeof(value->text));
    return OK;
}

static struct status read_id(struct op *op, const struct json_field *field,
                             const struct json_value *value, void *place)
{
    if (value->kind != JSON_KIND_TEXT) {
        return blame(op, field, "json.wrong_type");
    }
    struct id id;
    if (!id_parse(value->text, &id) || id_is_none(id)) {
        return blame(op, field, "json.bad_id");
    }
    memcpy(place, &id, sizeof(id));
    return OK;
}

static struct status read_bool(struct op *op, const struct json_field *field,
                               const struct json_value *value, void *place)
{
    if (value->kind != JSON_KIND_BOOL) {
        return blame(op, field, "json.wrong_type");
    }
    memcpy(place, &value->yes, sizeof(value->yes));
    return OK;
}

/* A field whose value is one value. */
static struct status read_plain(struct op *op, const struct json_field *field,
                                const struct json_value *value, void *ret_struct)
{
    void *place = (char *)ret_struct + field->offset;
    switch (field->type) {
    case JSON_FIELD_I64: return read_i64(op, field, value, place);
    case JSON_FIELD_BOOL: return read_bool(op, field, value, place);
    case JSON_FIELD_TEXT: return read_text(op, field, value, place);
    case JSON_FIELD_ID: return read_id(op, field, value, place);
    case JSON_FIELD_ITEMS: /* these hold plain values alone */
    case JSON_FIELD_NONE:
    case JSON_FIELD_TYPE_COUNT: break;
    }
    UNREACHABLE("json field type");
}

static bool is_known(const struct json_field *fields, size_t field_count, struct str name)
{
    for (size_t i = 0; i < field_count; i++) {
        if (str_eq(str_of(fields[i].name), name)) {
            return true;
        }
    }
    return false;
}

static const struct json_value *member(const struct json_value *object, const char *name)
{
    for (uint32_t i = 0; i < object->count; i++) {
        if (str_eq(object->names[i], str_of(name))) {
            return &object->items[i];
        }
    }
    return NULL;
}

typedef struct status read_fn(struct op *op, const struct json_field *field,
                              const struct json_value *value, void *ret_struct);

static struct status read_members(struct op *op, const struct json_value *object,
                                  const struct json_field *fields, size_t field_count,
                                  read_fn *read, void *ret_struct)
{
    ASSERT(field_count <= JSON_READ_FIELDS_MAX);
    if (object->kind != JSON_KIND_OBJECT) {
        return op_fail(op, STATUS_INVALID, "json.not_an_object", "the body is refused");
    }
    for (uint32_t i = 0; i < object->count; i++) {
        if (!is_known(fields, field_count, object->names[i])) {
            return op_fail(op, STATUS_INVALID, "json.unknown_field", "the body is refused");
        }
    }
    for (size_t i = 0; i < field_count; i++) {
        const struct json_value *value = member(object, fields[i].name);
        if (value) {
            TRY(read(op, &fields[i], value, ret_struct));
        } else if (fields[i].required) {
            return blame(op, &fields[i], "json.missing_field");
        }
    }
    return OK;
}

/* The item is to blame, or what its own pointer says of it. */
static struct status blame_item(struct op *op, const struct json_field *field, uint32_t item,
                                struct status st)
{
    char memory[OP_ERR_FIELD_MAX_BYTES];
    struct strbuf pointer;
    struct str text;
    strbuf_init_fixed(&pointer, memory, sizeof(memory));
    strbuf_addf(&pointer, "/%s/%u%s", field->name, item, op->err.field);
    return strbuf_finish(&pointer, &text) ? op_blame(op, st, text) : st;
}

static struct status read_items(struct op *op, const struct json_field *field,
                                const struct json_value *value, void *ret_struct)
{
    struct json_items *items = (void *)((char *)ret_struct + field->offset);
    if (value->kind != JSON_KIND_ARRAY) {
        return blame(op, field, "json.wrong_type");
    }
    if (!in_range(field, value->count)) {
        return blame(op, field, "json.out_of_range");
    }
    char *rows = arena_alloc(op->arena, (size_t)field->item_bytes * (value->count + 1),
                             _Alignof(max_align_t));
    if (!rows) {
        return op_arena_full(op);
    }
    memset(rows, 0, (size_t)field->item_bytes * (value->count + 1));
    for (uint32_t i = 0; i < value->count; i++) {
        struct status st =
            read_members(op, &value->items[i], field->item_fields, field->item_field_count,
                         read_plain, rows + (size_t)i * field->item_bytes);
        if (status_failed(st)) {
            return blame_item(op, field, i, st);
        }
    }
    *items = (struct json_items){.rows = rows, .count = value->count};
    return OK;
}

static struct status read_field(struct op *op, const struct json_field *field,
                                const struct json_value *value, void *ret_struct)
{
    return field->type == JSON_FIELD_ITEMS ? read_items(op, field, value, ret_struct)
                                           : read_plain(op, field, value, ret_struct);
}

STATUS json_read_object(struct op *op, struct str body, const struct json_field *fields,
                        size_t field_count, void *ret_struct)
{
    const struct json_value *object = NULL;
    TRY(json_read_to_depth(op, body, JSON_DEPTH_MAX, &object));
    return read_members(op, object, fields, field_count, read_field, ret_struct);
}
