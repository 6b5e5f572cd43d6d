#include "json/json_write.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/clock.h"

void json_write_init(struct json_writer *writer, struct arena *arena, size_t max_bytes)
{
    *writer = (struct json_writer){.depth = 0};
    strbuf_init(&writer->buf, arena, max_bytes);
}

/* The comma and the name before a value. */
static void begin_value(struct json_writer *writer, const char *name)
{
    if (writer->has_items[writer->depth]) {
        ASSERT(writer->depth > 0); /* one value at the top */
        strbuf_add_char(&writer->buf, ',');
    }
    writer->has_items[writer->depth] = true;
    bool in_object = writer->depth > 0 && !writer->in_array[writer->depth - 1];
    ASSERT(in_object == (name != NULL));
    if (name) {
        strbuf_add_char(&writer->buf, '"');
        strbuf_add_json(&writer->buf, str_of(name));
        strbuf_add(&writer->buf, STR("\":"));
    }
}

static void open_level(struct json_writer *writer, const char *name, bool array)
{
    begin_value(writer, name);
    ASSERT(writer->depth < JSON_WRITE_DEPTH_MAX);
    writer->in_array[writer->depth] = array;
    writer->depth++;
    writer->has_items[writer->depth] = false;
    strbuf_add_char(&writer->buf, array ? '[' : '{');
}

void json_write_object(struct json_writer *writer, const char *name)
{
    open_level(writer, name, /* array */ false);
}

void json_write_array(struct json_writer *writer, const char *name)
{
    open_level(writer, name, /* array */ true);
}

void json_write_end(struct json_writer *writer)
{
    ASSERT(writer->depth > 0);
    writer->depth--;
    strbuf_add_char(&writer->buf, writer->in_array[writer->depth] ? ']' : '}');
}

void json_write_str(struct json_writer *writer, const char *name, struct str value)
{
    begin_value(writer, name);
    strbuf_add_char(&writer->buf, '"');
    strbuf_add_json(&writer->buf, value);
    strbuf_add_char(&writer->buf, '"');
}

void json_write_i64(struct json_writer *writer, const char *name, int64_t value)
{
    begin_value(writer, name);
    strbuf_addf(&writer->buf, "%" PRId64, value);
}

void json_write_bool(struct json_writer *writer, const char *name, bool value)
{
    begin_value(writer, name);
    strbuf_add(&writer->buf, value ? STR("true") : STR("false"));
}

void json_write_null(struct json_writer *writer, const char *name)
{
    begin_value(writer, name);
    strbuf_add(&writer->buf, STR("null"));
}

void json_write_id(struct json_writer *writer, const char *name, struct id value)
{
    if (id_is_none(value)) {
        json_write_null(writer, name);
        return;
    }
    char text[ID_TEXT_BYTES];
    id_format(value, text);
    json_write_str(writer, name, (struct str){.ptr = text, .len = ID_TEXT_BYTES - 1});
}

void json_write_time(struct json_writer *writer, const char *name, int64_t wall_us)
{
    char text[CLOCK_ISO_BYTES];
    clock_format_iso(wall_us, text);
    json_write_str(writer, name, (struct str){.ptr = text, .len = CLOCK_ISO_BYTES - 1});
}

void json_write_raw(struct json_writer *writer, const char *name, struct str json)
{
    begin_value(writer, name);
    strbuf_add(&writer->buf, json);
}

STATUS json_write_finish(struct op *op, struct json_writer *writer, struct str *ret_json)
{
    ASSERT(writer->depth == 0);
    ASSERT(writer->has_items[0]);
    if (!strbuf_finish(&writer->buf, ret_json)) {
        return op_fail(op, STATUS_LIMIT, "json.output_too_large", "over %zu bytes",
                       writer->buf.max_bytes);
    }
    return OK;
}
