#include "base/str.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"

struct str str_of(const char *text)
{
    return (struct str){.ptr = text, .len = text ? strlen(text) : 0};
}

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_has_prefix(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq((struct str){.ptr = s.ptr, .len = prefix.len}, prefix);
}

struct str str_after(struct str s, size_t len)
{
    ASSERT(len <= s.len);
    return (struct str){.ptr = s.ptr + len, .len = s.len - len};
}

bool str_cut(struct str s, char separator, struct str *ret_head, struct str *ret_tail)
{
    const char *at = s.len > 0 ? memchr(s.ptr, separator, s.len) : NULL;
    if (!at) {
        return false;
    }
    size_t head_len = (size_t)(at - s.ptr);
    *ret_head = (struct str){.ptr = s.ptr, .len = head_len};
    *ret_tail = str_after(s, head_len + 1);
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_blank(s.ptr[0])) {
        s = str_after(s, 1);
    }
    while (s.len > 0 && is_blank(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

struct str str_dup(struct arena *arena, struct str s)
{
    char *copy = arena_alloc(arena, s.len + 1, 1);
    if (!copy) {
        return (struct str){.ptr = NULL, .len = 0};
    }
    if (s.len > 0) {
        memcpy(copy, s.ptr, s.len);
    }
    return (struct str){.ptr = copy, .len = s.len};
}

bool str_to_i64(struct str s, int64_t *ret_value)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    size_t i = negative ? 1 : 0;
    if (i == s.len) {
        return false;
    }
    int64_t value = 0;
    for (; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
        int64_t digit = s.ptr[i] - '0';
        if (__builtin_mul_overflow(value, (int64_t)10, &value) ||
            __builtin_sub_overflow(value, digit, &value)) {
            return false; /* counted downwards, so that INT64_MIN fits */
        }
    }
    if (!negative && value == INT64_MIN) {
        return false;
    }
    *ret_value = negative ? value : -value;
    return true;
}

/* The length of the UTF-8 sequence at p (1 to 4), or 0 when it is not one. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80) {
        return p[0] == 0 ? 0 : 1;
    }
    size_t len = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || len > left) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    bool overlong = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xF0 && p[1] < 0x90);
    bool beyond = (p[0] == 0xED && p[1] > 0x9F) || (p[0] == 0xF4 && p[1] > 0x8F);
    return overlong || beyond ? 0 : len;
}

bool str_is_text(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    for (size_t i = 0; i < s.len;) {
        size_t len = utf8_length(p + i, s.len - i);
        if (len == 0) {
            return false;
        }
        i += len;
    }
    return true;
}

const uint8_t str_hex_digits[UINT8_MAX + 1] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

bool str_from_hex(struct str hex, uint8_t *ret_bytes, size_t len)
{
    if (hex.len != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < hex.len; i++) {
        if (str_hex_value(hex.ptr[i]) < 0) {
            return false;
        }
    }
    for (size_t i = 0; i < len; i++) {
        ret_bytes[i] =
            (uint8_t)(str_hex_value(hex.ptr[2 * i]) * 16 + str_hex_value(hex.ptr[2 * i + 1]));
    }
    return true;
}

void strbuf_init(struct strbuf *buf, struct arena *arena, size_t max_bytes)
{
    ASSERT(max_bytes > 0);
    *buf = (struct strbuf){.arena = arena, .max_bytes = max_bytes};
}

void strbuf_init_fixed(struct strbuf *buf, char *memory, size_t size)
{
    ASSERT(size > 1);
    *buf = (struct strbuf){.ptr = memory, .capacity = size, .max_bytes = size - 1};
}

/* Makes room for extra bytes and a NUL; false and failed when a limit is passed. */
static bool strbuf_room(struct strbuf *buf, size_t extra)
{
    if (buf->failed || extra > buf->max_bytes - buf->len) {
        buf->failed = true;
        return false;
    }
    size_t need = buf->len + extra + 1;
    if (need <= buf->capacity) {
        return true;
    }
    size_t capacity = buf->capacity ? buf->capacity * 2 : 128;
    while (capacity < need) {
        capacity *= 2;
    }
    if (capacity > buf->max_bytes + 1) {
        capacity = buf->max_bytes + 1;
    }
    char *bigger = arena_alloc(buf->arena, capacity, 1);
    if (!bigger) {
        buf->failed = true;
        return false;
    }
    if (buf->len > 0) {
        memcpy(bigger, buf->ptr, buf->len);
    }
    buf->ptr = bigger;
    buf->capacity = capacity;
    return true;
}

void strbuf_add(struct strbuf *buf, struct str s)
{
    if (strbuf_room(buf, s.len) && s.len > 0) {
        memcpy(buf->ptr + buf->len, s.ptr, s.len);
        buf->len += s.len;
    }
}

void strbuf_add_char(struct strbuf *buf, char c)
{
    strbuf_add(buf, (struct str){.ptr = &c, .len = 1});
}

void strbuf_add_hex(struct strbuf *buf, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        strbuf_add_char(buf, digits[bytes[i] >> 4]);
        strbuf_add_char(buf, digits[bytes[i] & 15]);
    }
}

void strbuf_add_json(struct strbuf *buf, struct str text)
{
    const unsigned char *p = (const unsigned char *)text.ptr;
    for (size_t i = 0; i < text.len;) {
        size_t len = p[i] == 0 ? 1 : utf8_length(p + i, text.len - i);
        if (len == 0) {
            strbuf_add(buf, STR("\xEF\xBF\xBD"));
            i++;
        } else if (p[i] == '"' || p[i] == '\\') {
            strbuf_add_char(buf, '\\');
            strbuf_add_char(buf, text.ptr[i]);
            i++;
        } else if (p[i] < 0x20 || p[i] == 0x7F) {
            strbuf_addf(buf, "\\u%04x", p[i]);
            i++;
        } else {
            strbuf_add(buf, (struct str){.ptr = text.ptr + i, .len = len});
            i += len;
        }
    }
}

void strbuf_addf(struct strbuf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0) {
        buf->failed = true;
    } else if (strbuf_room(buf, (size_t)len)) {
        int written = vsnprintf(buf->ptr + buf->len, (size_t)len + 1, format, again);
        ASSERT(written == len);
        buf->len += (size_t)len;
    }
    va_end(again);
}

bool strbuf_finish(struct strbuf *buf, struct str *ret_text)
{
    if (!strbuf_room(buf, 0)) {
        return false;
    }
    buf->ptr[buf->len] = '\0';
    *ret_text = (struct str){.ptr = buf->ptr, .len = buf->len};
    return true;
}
