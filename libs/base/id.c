#include "base/id.h"

#include <sodium.h>
#include <string.h>
#include <uuid.h>

#include "base/assert.h"

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

struct id id_derive(struct id cause, int64_t caused_at_us, uint32_t ordinal)
{
    uint8_t input[20];
    memcpy(input, cause.bytes, 16);
    for (int i = 0; i < 4; i++) {
        input[16 + i] = (uint8_t)(ordinal >> (24 - 8 * i));
    }
    uint8_t digest[crypto_hash_sha256_BYTES];
    int failed = crypto_hash_sha256(digest, input, sizeof(input));
    ASSERT(failed == 0);
    struct id id;
    memcpy(id.bytes, digest, 16);
    uint64_t millis = (uint64_t)(caused_at_us / 1000);
    for (int i = 0; i < 6; i++) {
        id.bytes[i] = (uint8_t)(millis >> (40 - 8 * i));
    }
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0F) | 0x70);
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3F) | 0x80);
    return id;
}

void id_format(struct id id, char ret_text[ID_TEXT_BYTES])
{
    uuid_unparse_lower(id.bytes, ret_text);
}

struct str id_to_str(struct arena *arena, struct id id)
{
    char text[ID_TEXT_BYTES];
    id_format(id, text);
    return str_dup(arena, (struct str){.ptr = text, .len = ID_TEXT_BYTES - 1});
}

bool id_parse(struct str text, struct id *ret_id)
{
    if (text.len != ID_TEXT_BYTES - 1) {
        return false;
    }
    char copy[ID_TEXT_BYTES];
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    struct id id;
    if (uuid_parse(copy, id.bytes) != 0) {
        return false;
    }
    *ret_id = id;
    return true;
}
