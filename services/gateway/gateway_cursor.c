#include "gateway/gateway_cursor.h"

#include <string.h>

#define CURSOR_BYTES 24 /* microseconds, big-endian, then the id */

struct gateway_cursor gateway_cursor_first(void)
{
    struct gateway_cursor cursor = {.before_us = INT64_MAX};
    memset(cursor.before_id.bytes, 0xFF, sizeof(cursor.before_id.bytes));
    return cursor;
}

bool gateway_cursor_parse(struct str text, struct gateway_cursor *ret_cursor)
{
    uint8_t bytes[CURSOR_BYTES];
    if (!str_from_hex(text, bytes, sizeof(bytes))) {
        return false;
    }
    uint64_t before_us = 0;
    for (int i = 0; i < 8; i++) {
        before_us = before_us << 8 | bytes[i];
    }
    if (before_us > INT64_MAX) {
        return false;
    }
    ret_cursor->before_us = (int64_t)before_us;
    memcpy(ret_cursor->before_id.bytes, bytes + 8, sizeof(ret_cursor->before_id.bytes));
    return true;
}

STATUS gateway_cursor_format(struct op *op, const struct gateway_view *last, struct str *ret_text)
{
    uint8_t bytes[CURSOR_BYTES];
    uint64_t before_us = (uint64_t)last->created_at_us;
    for (int i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(before_us >> (56 - 8 * i));
    }
    memcpy(bytes + 8, last->id.bytes, sizeof(last->id.bytes));
    struct strbuf buf;
    strbuf_init(&buf, op->arena, 2 * CURSOR_BYTES);
    strbuf_add_hex(&buf, bytes, sizeof(bytes));
    return strbuf_finish(&buf, ret_text) ? OK : op_arena_full(op);
}
