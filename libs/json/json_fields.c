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

static struct status read_field(struct op *op, const struct json_field *field,
                                const struct json_value *value, void *ret_struct)
{
    void *place = (char *)ret_struct + field->offset;
    switch (field->type) {
    case JSON_FIELD_I64: return read_i64(op, field, value, place);
    case JSON_FIELD_BOOL: return read_bool(op, field, value, place);
    case JSON_FIELD_TEXT: return read_text(op, field, value, place);
    case JSON_FIELD_ID: return read_id(op, field, value, place);
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

STATUS json_read_object(struct op *op, struct str body, const struct json_field *fields,
                        size_t field_count, void *ret_struct)
{
    ASSERT(field_count <= JSON_READ_FIELDS_MAX);
    const struct json_value *object = NULL;
    TRY(json_read_to_depth(op, body, JSON_DEPTH_MAX, &object));
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
            TRY(read_field(op, &fields[i], value, ret_struct));
        } else if (fields[i].required) {
            return blame(op, &fields[i], "json.missing_field");
        }
    }
    return OK;
}
