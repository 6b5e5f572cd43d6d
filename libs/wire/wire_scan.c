/*
 * In: packed bytes from outside. Out: nothing but a verdict. Runs before protobuf-c, whose own
 * checks are too few (each hazard has its row in wire_test.c). No recursion, no allocation.
 */
#include "wire/wire_scan.h"

#include "base/assert.h"
#include "wire/wire.h"

enum scan_type {
    SCAN_VARINT = 0,
    SCAN_FIXED64 = 1,
    SCAN_BYTES = 2,
    SCAN_FIXED32 = 5,
};

/* One message being walked: the innermost is the last of the stack. */
struct scan_level {
    const ProtobufCMessageDescriptor *descriptor;
    size_t end;    /* offset of the first byte after it */
    uint64_t seen; /* bit i: fields[i] was there */
};

struct scan {
    struct op *op;
    struct str bytes;
    size_t at;
    uint32_t depth; /* levels in use */
    struct scan_level levels[WIRE_DEPTH_MAX];
};

static struct status malformed(const struct scan *scan, const char *what)
{
    return op_fail(scan->op, STATUS_INVALID, "wire.malformed", "%s at byte %zu", what, scan->at);
}

/* At most ten bytes, not past `end`. */
static bool scan_varint(struct scan *scan, size_t end, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < 64 && scan->at < end; shift += 7) {
        uint8_t byte = (uint8_t)scan->bytes.ptr[scan->at++];
        if (shift == 63 && byte > 1) {
            return false;
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *descriptor,
                                                  uint32_t number)
{
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        if (descriptor->fields[i].id == number) {
            return &descriptor->fields[i];
        }
    }
    return NULL;
}

static struct status note_seen(struct scan *scan, const ProtobufCFieldDescriptor *field)
{
    struct scan_level *level = &scan->levels[scan->depth - 1];
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        return OK;
    }
    bool in_oneof = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
    for (unsigned i = 0; i < level->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *other = &level->descriptor->fields[i];
        bool same_oneof = in_oneof && (other->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
                          other->quantifier_offset == field->quantifier_offset;
        if ((other == field || same_oneof) && (level->seen & (UINT64_C(1) << i)) != 0) {
            return op_fail(scan->op, STATUS_INVALID, "wire.duplicate_field", "%s.%s a second time",
                           level->descriptor->short_name, field->name);
        }
    }
    level->seen |= UINT64_C(1) << (field - level->descriptor->fields);
    return OK;
}

static struct status check_enum(const struct scan *scan, const ProtobufCFieldDescriptor *field,
                                uint64_t value)
{
    if (value > INT32_MAX || !protobuf_c_enum_descriptor_get_value(field->descriptor, (int)value)) {
        return op_fail(scan->op, STATUS_INVALID, "wire.unknown_enum", "%s = %llu", field->name,
                       (unsigned long long)value);
    }
    return OK;
}

/* A length-delimited field of ours: scan->at is at its first byte, `end` one past its last. */
static struct status scan_bytes(struct scan *scan, const ProtobufCFieldDescriptor *field,
                                size_t end)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        if (scan->depth == WIRE_DEPTH_MAX) {
            return op_fail(scan->op, STATUS_INVALID, "wire.too_deep", "over %d levels at %s",
                           WIRE_DEPTH_MAX, field->name);
        }
        scan->levels[scan->depth++] =
            (struct scan_level){.descriptor = field->descriptor, .end = end};
        return OK; /* its fields come next */
    }
    struct str value = {.ptr = scan->bytes.ptr + scan->at, .len = end - scan->at};
    if (field->type == PROTOBUF_C_TYPE_STRING && !str_is_text(value)) {
        return op_fail(scan->op, STATUS_INVALID, "wire.bad_text", "%s is not text", field->name);
    }
    while (field->type == PROTOBUF_C_TYPE_ENUM && scan->at < end) { /* packed */
        uint64_t one;
        if (!scan_varint(scan, end, &one)) {
            return malformed(scan, "packed enum");
        }
        TRY(check_enum(scan, field, one));
    }
    scan->at = end;
    return OK;
}

/* The value of one field; NULL: a field that we do not know, stepped over. */
static struct status scan_value(struct scan *scan, const ProtobufCFieldDescriptor *field,
                                uint32_t type)
{
    size_t end = scan->levels[scan->depth - 1].end;
    uint64_t value = 0;
    if (type == SCAN_VARINT) {
        if (!scan_varint(scan, end, &value)) {
            return malformed(scan, "number");
        }
        return field && field->type == PROTOBUF_C_TYPE_ENUM ? check_enum(scan, field, value) : OK;
    }
    if (type == SCAN_FIXED32 || type == SCAN_FIXED64) {
        size_t width = type == SCAN_FIXED32 ? 4 : 8;
        if (end - scan->at < width) {
            return malformed(scan, "fixed-width number");
        }
        scan->at += width;
        return OK;
    }
    if (type != SCAN_BYTES) {
        return malformed(scan, "wire type"); /* groups too: nobody sends them */
    }
    if (!scan_varint(scan, end, &value) || value > end - scan->at) {
        return malformed(scan, "length");
    }
    if (field) {
        return scan_bytes(scan, field, scan->at + value);
    }
    scan->at += value;
    return OK;
}

static struct status scan_field(struct scan *scan)
{
    const struct scan_level *level = &scan->levels[scan->depth - 1];
    uint64_t tag;
    if (!scan_varint(scan, level->end, &tag) || tag > UINT32_MAX || tag >> 3 == 0) {
        return malformed(scan, "tag");
    }
    const ProtobufCFieldDescriptor *field = find_field(level->descriptor, (uint32_t)(tag >> 3));
    if (field) {
        TRY(note_seen(scan, field));
    }
    return scan_value(scan, field, (uint32_t)(tag & 7));
}

STATUS wire_scan(struct op *op, const ProtobufCMessageDescriptor *descriptor, struct str bytes)
{
    struct scan scan = {.op = op, .bytes = bytes, .depth = 1};
    scan.levels[0] = (struct scan_level){.descriptor = descriptor, .end = bytes.len};
    while (scan.depth > 0) {
        const struct scan_level *level = &scan.levels[scan.depth - 1];
        ASSERT(level->descriptor->n_fields <= WIRE_SCAN_FIELDS_MAX);
        if (scan.at == level->end) {
            scan.depth--;
            continue;
        }
        TRY(scan_field(&scan)); /* moves on by a byte at least */
    }
    return OK;
}
