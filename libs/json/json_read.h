#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"
#include "base/op.h"
#include "base/str.h"

/*
 * JSON from outside, bounded and strict: UTF-8 without NUL (also not as an escape), bounded depth, no member twice, nothing after the value. A failure has a code that starts with
 * "json." and, where one of our fields is to blame, its RFC 6901 pointer in op->err.field. Neither
 * repeats anything of what was sent.
 */

/* Arrays and objects within each other; a plain value has depth 0. */
#define JSON_DEPTH_MAX 8       /* by table: what our own API takes */
#define JSON_TREE_DEPTH_MAX 16 /* as a tree: a provider's events nest a card within a charge … */
#define JSON_INPUT_MAX_BYTES ((size_t)256 * 1024)
#define JSON_READ_FIELDS_MAX 32

/* ---- By table: one object to one struct ---- */

enum json_field_type {
    JSON_FIELD_NONE = 0,
    JSON_FIELD_I64,   /* int64_t: an integer, written without point or exponent; min to max */
    JSON_FIELD_BOOL,  /* bool */
    JSON_FIELD_TEXT,  /* struct str in op->arena: min to max characters (code points) */
    JSON_FIELD_ID,    /* struct id: a UUID's 36 characters, not the one of zeros */
    JSON_FIELD_ITEMS, /* struct json_items in op->arena: an array of objects; min to max of them */
    JSON_FIELD_TYPE_COUNT,
};

struct json_field {
    const char *name; /* needs no escaping in a pointer: no '~', no '/' */
    enum json_field_type type;
    bool required;
    int64_t min,
        max; /* I64: the value; TEXT: characters; ITEMS: how many; both 0: no bound but the input's */
    size_t offset;
    bool prose; /* TEXT that somebody writes: card numbers are refused, see base/card.h */
    const struct json_field *item_fields; /* ITEMS: of each object; no ITEMS among them */
    uint16_t item_field_count;
    uint16_t item_bytes; /* of the struct that each object fills */
};

/* Objects that were read, one after the other. */
struct json_items {
    void *rows; /* NULL: the field was not there */
    uint32_t count;
};

/*
 * Reads an object into *ret_struct. A field that is not there leaves its place as it is (so defaults
 * are set before); null is not "not there". Anything unknown is refused. STATUS_INVALID with
 * json.syntax, .not_utf8, .nul, .duplicate_field, .not_an_object, .unknown_field, .missing_field,
 * .wrong_type, .not_integer, .out_of_range, .bad_id, .card_number; STATUS_LIMIT with json.too_large, .too_deep,
 * op.arena_full.
 */
STATUS json_read_object(struct op *op, struct str body, const struct json_field *fields,
                        size_t field_count, void *ret_struct);

/* ---- As a tree: what a provider sends, where unknown members are expected ---- */

enum json_kind {
    JSON_KIND_NONE = 0, /* not there */
    JSON_KIND_NULL,
    JSON_KIND_BOOL,
    JSON_KIND_I64,
    JSON_KIND_REAL, /* a number with point or exponent: its value is not kept */
    JSON_KIND_TEXT,
    JSON_KIND_ARRAY,
    JSON_KIND_OBJECT,
    JSON_KIND_COUNT,
};

struct json_value {
    enum json_kind kind;
    bool yes;
    int64_t i64;
    struct str text;
    uint32_t count;                 /* of items, or of members */
    const struct json_value *items; /* ARRAY: values; OBJECT: values of the members */
    const struct str *names;        /* OBJECT: names of the members */
};

/* Everything lives in op->arena. */
STATUS json_read(struct op *op, struct str body, const struct json_value **ret_value);
/* The same with another depth: 1 to JSON_TREE_DEPTH_MAX. */
STATUS json_read_to_depth(struct op *op, struct str body, uint32_t depth_max,
                          const struct json_value **ret_value);
/* The value at an RFC 6901 pointer without '~' escapes ("/data/object/id", "/items/0"). Never NULL:
 * a value of JSON_KIND_NONE when it is not there. */
const struct json_value *json_at(const struct json_value *value, const char *pointer);
/* False when there is no such value of that kind. */
bool json_text_at(const struct json_value *value, const char *pointer, struct str *ret_text);
bool json_i64_at(const struct json_value *value, const char *pointer, int64_t *ret_i64);
bool json_bool_at(const struct json_value *value, const char *pointer, bool *ret_yes);
