#include "base/id.h"

#include <string.h>
#include <uuid.h>

#include "base/assert.h"
#include "base/hash.h"

bool id_is_none(struct id id)
{
    static const struct id none;
    return id_eq(id, none);
}

bool id_eq(struct id a, struct id b)
{
    return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

int id_compare(struct id a, struct id b)
{
    return memcmp(a.bytes, b.bytes, sizeof(a.bytes));
}

struct id id_random(void)
{
    struct id id;
    uuid_generate_random(id.bytes);
    return id;
}

struct id id_v5(struct id name_space, struct str name)
{
    struct id id;
    uuid_generate_sha1(id.bytes, name_space.bytes, name.ptr, name.len);
    return id;
}

struct id id_namespace(struct str use)
{
    /* RFC 9562's namespace for names that are neither DNS, URL, OID nor X.500 is one's own. */
    static const struct id holdfast = {{0x68, 0x6f, 0x6c, 0x64, 0x66, 0x61, 0x53, 0x74, 0xa5, 0xc2,
                                        0x0e, 0x11, 0x7d, 0x3c, 0x41, 0x90}};
    return id_v5(holdfast, use);
}

struct id id_derive(struct id cause, int64_t caused_at_us)
{
    struct hash digest =
        hash_of((struct str){.ptr = (const char *)cause.bytes, .len = sizeof(cause.bytes)});
    struct id id;
    memcpy(id.bytes, digest.bytes + HASH_BYTES - sizeof(id.bytes), sizeof(id.bytes));
    uint64_t millis = (uint64_t)(caused_at_us / 1000);
    for (int i = 0; i < 6; i++) {
        id.bytes[i] = (uint8_t)(millis >> (40 - 8 * i));
    }
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3F) | 0x80);
    return id_nth(id, 0);
}

struct id id_nth(struct id first, uint32_t ordinal)
{
    ASSERT(ordinal < ID_ORDINALS);
    first.bytes[6] = (uint8_t)(0x70 | ordinal >> 8);
    first.bytes[7] = (uint8_t)ordinal;
    return first;
}

/* By hand, not by libuuid: each message has four of them to be read or written. */
static const uint8_t hyphen_before[16] = {[4] = 1, [6] = 1, [8] = 1, [10] = 1};

void id_format(struct id id, char ret_text[ID_TEXT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    char *at = ret_text;
    for (size_t i = 0; i < sizeof(id.bytes); i++) {
        if (hyphen_before[i]) {
            *at++ = '-';
        }
        *at++ = digits[id.bytes[i] >> 4];
        *at++ = digits[id.bytes[i] & 0x0F];
    }
    *at = '\0';
}

struct str id_to_str(struct arena *arena, struct id id)
{
    char text[ID_TEXT_BYTES];
    id_format(id, text);
    return str_dup(arena, (struct str){.ptr = text, .len = ID_TEXT_BYTES - 1});
}

/* 0 to 15, or more for what is no hexadecimal digit. */
static unsigned digit_value(char c)
{
    unsigned value = (unsigned char)c - (unsigned)'0';
    if (value < 10) {
        return value;
    }
    value = ((unsigned char)c | 0x20U) - (unsigned)'a';
    return value < 6 ? 10 + value : UINT8_MAX;
}

bool id_parse(struct str text, struct id *ret_id)
{
    if (text.len != ID_TEXT_BYTES - 1) {
        return false;
    }
    struct id id;
    const char *at = text.ptr;
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof(id.bytes); i++) {
        if (hyphen_before[i]) {
            wrong |= *at++ == '-' ? 0 : UINT8_MAX;
        }
        unsigned high = digit_value(*at++);
        unsigned low = digit_value(*at++);
        wrong |= high | low;
        id.bytes[i] = (uint8_t)(high << 4 | low);
    }
    if (wrong > 0x0F) {
        return false;
    }
    *ret_id = id;
    return true;
}
