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

/* By hand, not by libuuid: each message has a dozen of them to be read or written. */
static const uint8_t text_at[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

/* Both digits of each byte, one byte after the other. */
static const char hex_pairs[] = "000102030405060708090a0b0c0d0e0f"
                                "101112131415161718191a1b1c1d1e1f"
                                "202122232425262728292a2b2c2d2e2f"
                                "303132333435363738393a3b3c3d3e3f"
                                "404142434445464748494a4b4c4d4e4f"
                                "505152535455565758595a5b5c5d5e5f"
                                "606162636465666768696a6b6c6d6e6f"
                                "707172737475767778797a7b7c7d7e7f"
                                "808182838485868788898a8b8c8d8e8f"
                                "909192939495969798999a9b9c9d9e9f"
                                "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
                                "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
                                "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
                                "d0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
                                "e0e1e2e3e4e5e6e7e8e9eaebecedeeef"
                                "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

void id_format(struct id id, char ret_text[ID_TEXT_BYTES])
{
    ret_text[8] = ret_text[13] = ret_text[18] = ret_text[23] = '-';
    for (size_t i = 0; i < sizeof(id.bytes); i++) {
        memcpy(ret_text + text_at[i], hex_pairs + 2 * (size_t)id.bytes[i], 2);
    }
    ret_text[ID_TEXT_BYTES - 1] = '\0';
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
    const char *at = text.ptr;
    bool wrong = at[8] != '-' || at[13] != '-' || at[18] != '-' || at[23] != '-';
    struct id id;
    for (size_t i = 0; i < sizeof(id.bytes); i++) {
        int high = str_hex_value(at[text_at[i]]);
        int low = str_hex_value(at[text_at[i] + 1]);
        wrong |= high < 0 || low < 0;
        id.bytes[i] = (uint8_t)((uint32_t)high << 4 | (uint32_t)low);
    }
    if (wrong) {
        return false;
    }
    *ret_id = id;
    return true;
}
