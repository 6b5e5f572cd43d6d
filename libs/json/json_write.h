#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "base/op.h"
#include "base/str.h"

/*
 * JSON going out: a bounded builder. Nesting is ASSERTed (it is our own code); a passed limit is
 * remembered and told once, by json_write_finish.
 *
 *     json_write_init(&out, op->arena, 4096);
 *     json_write_object(&out, NULL);
 *     json_write_i64(&out, "amount_minor", 100);
 *     json_write_end(&out);
 *     TRY(json_write_finish(op, &out, &text));
 *
 * `name` is the member's name inside an object, and NULL inside an array or at the top.
 */

#define JSON_WRITE_DEPTH_MAX 8

struct json_writer {
    struct strbuf buf;
    uint32_t depth;
    bool in_array[JSON_WRITE_DEPTH_MAX];
    bool has_items[JSON_WRITE_DEPTH_MAX + 1];
};

void json_write_init(struct json_writer *writer, struct arena *arena, size_t max_bytes);
void json_write_object(struct json_writer *writer, const char *name);
void json_write_array(struct json_writer *writer, const char *name);
void json_write_end(struct json_writer *writer); /* of the innermost object or array */
void json_write_str(struct json_writer *writer, const char *name, struct str value);
void json_write_i64(struct json_writer *writer, const char *name, int64_t value);
void json_write_bool(struct json_writer *writer, const char *name, bool value);
void json_write_null(struct json_writer *writer, const char *name);
/* The 36 characters; null for the id of zeros. */
void json_write_id(struct json_writer *writer, const char *name, struct id value);
/* RFC 3339 in UTC with milliseconds. */
void json_write_time(struct json_writer *writer, const char *name, int64_t wall_us);
/* Text that is JSON already, ours. */
void json_write_raw(struct json_writer *writer, const char *name, struct str json);

/* ASSERTs that everything was ended. STATUS_LIMIT "json.output_too_large". */
STATUS json_write_finish(struct op *op, struct json_writer *writer, struct str *ret_json);
