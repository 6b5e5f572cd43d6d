#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/* A borrowed run of bytes. Not NUL-terminated; valid as long as whoever owns the bytes. */
struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){.ptr = "" literal "", .len = sizeof(literal) - 1})
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).len, (s).ptr

/* The bytes of a NUL-terminated string of ours (a table, argv); never for input from outside. */
struct str str_of(const char *text);
bool str_eq(struct str a, struct str b);
/* Not constant-time: never for secrets. */
bool str_has_prefix(struct str s, struct str prefix);
/* The bytes after the prefix; s must have it. */
struct str str_after(struct str s, size_t len);
/* Cuts at the first separator: ret_head before it, ret_tail after it; false when there is none. */
bool str_cut(struct str s, char separator, struct str *ret_head, struct str *ret_tail);
struct str str_trim(struct str s);

/* A copy in the arena, NUL-terminated beyond its length; ptr NULL when the arena is full. */
struct str str_dup(struct arena *arena, struct str s);

/* Decimal, no sign but '-', no blanks, whole slice; false when it is not one or does not fit. */
bool str_to_i64(struct str s, int64_t *ret_value);
/* True when the bytes are UTF-8 (RFC 3629) without NUL. */
bool str_is_text(struct str s);
/* One more than the value of a hex digit of either case; 0 for what is none. */
extern const uint8_t str_hex_digits[UINT8_MAX + 1];

/* 0 to 15; -1: no hex digit. Inline: each message has a dozen ids to be read. */
static inline int str_hex_value(char c)
{
    return str_hex_digits[(unsigned char)c] - 1;
}

/* Lower-case hex of the bytes; false when the text is not 2 * len hex digits. */
bool str_from_hex(struct str hex, uint8_t *ret_bytes, size_t len);

/* A bounded builder. Remembers its first failure: test once, at strbuf_finish. */
struct strbuf {
    struct arena *arena;
    char *ptr;
    size_t len;
    size_t capacity;
    size_t max_bytes;
    bool failed;
};

void strbuf_init(struct strbuf *buf, struct arena *arena, size_t max_bytes);
/* Builds in memory of the caller: at most size - 1 bytes and the NUL. size > 1. */
void strbuf_init_fixed(struct strbuf *buf, char *memory, size_t size);
void strbuf_add(struct strbuf *buf, struct str s);
void strbuf_add_char(struct strbuf *buf, char c);
void strbuf_add_hex(struct strbuf *buf, const uint8_t *bytes, size_t len);
/* The text as the inside of a JSON string (RFC 8259): quotes, backslashes and control characters
 * escaped, each byte that is not UTF-8 shown as U+FFFD. */
void strbuf_add_json(struct strbuf *buf, struct str text);
void strbuf_addf(struct strbuf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The text, NUL-terminated beyond its length; false when a limit was passed. */
MUST_CHECK bool strbuf_finish(struct strbuf *buf, struct str *ret_text);
