/* A header, a body and secrets in, a verdict out. Reads no clock, allocates nothing. */
#include "payments/payments_signature.h"

#include <sodium.h>

#include "base/assert.h"

#define V1_BYTES crypto_auth_hmacsha256_BYTES
#define TIMESTAMP_MAX_DIGITS 12

struct signature_header {
    struct str timestamp; /* as signed */
    int64_t timestamp_s;
    uint32_t v1_count;
    uint8_t v1[SIGNATURE_V1_MAX][V1_BYTES];
};

static bool is_lower_hex(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        bool digit = s.ptr[i] >= '0' && s.ptr[i] <= '9';
        bool letter = s.ptr[i] >= 'a' && s.ptr[i] <= 'f';
        if (!digit && !letter) {
            return false;
        }
    }
    return true;
}

static bool take_timestamp(struct str value, struct signature_header *header)
{
    if (header->timestamp.len > 0 || value.len == 0 || value.len > TIMESTAMP_MAX_DIGITS ||
        value.ptr[0] == '-') {
        return false;
    }
    header->timestamp = value;
    return str_to_i64(value, &header->timestamp_s);
}

static bool take_v1(struct str value, struct signature_header *header)
{
    if (header->v1_count == SIGNATURE_V1_MAX || value.len != (size_t)2 * V1_BYTES ||
        !is_lower_hex(value)) {
        return false;
    }
    return str_from_hex(value, header->v1[header->v1_count++], V1_BYTES);
}

/* Schemes that we do not know (v0 is one for tests) are stepped over, as Stripe asks for. */
static bool parse(struct str text, struct signature_header *ret_header)
{
    struct signature_header header = {0};
    bool more = true;
    while (more) {
        struct str item = text;
        struct str rest = {0};
        struct str key;
        struct str value;
        more = str_cut(text, ',', &item, &rest);
        if (!str_cut(item, '=', &key, &value)) {
            return false;
        }
        if (str_eq(key, STR("t")) && !take_timestamp(value, &header)) {
            return false;
        }
        if (str_eq(key, STR("v1")) && !take_v1(value, &header)) {
            return false;
        }
        text = rest;
    }
    *ret_header = header;
    return header.timestamp.len > 0 && header.v1_count > 0;
}

static void sign(const struct secret *secret, struct str timestamp, struct str body,
                 uint8_t ret_mac[V1_BYTES])
{
    struct str key = secret_reveal(secret);
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)key.ptr, key.len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)timestamp.ptr, timestamp.len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)".", 1);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)body.ptr, body.len);
    crypto_auth_hmacsha256_final(&state, ret_mac);
    sodium_memzero(&state, sizeof(state));
}

enum signature_verdict payments_signature_check(struct str header_text, struct str body,
                                                int64_t now_us, const struct secret *secrets,
                                                uint32_t secret_count)
{
    ASSERT(secret_count <= SIGNATURE_SECRETS_MAX);
    if (header_text.len == 0) {
        return SIGNATURE_MISSING;
    }
    struct signature_header header;
    if (header_text.len > SIGNATURE_HEADER_MAX_BYTES || !parse(header_text, &header)) {
        return SIGNATURE_MALFORMED;
    }
    int64_t age_s = now_us / 1000000 - header.timestamp_s;
    if (age_s > SIGNATURE_TOLERANCE_S || age_s < -SIGNATURE_TOLERANCE_S) {
        return SIGNATURE_STALE;
    }
    uint32_t fits = 0;
    for (uint32_t i = 0; i < secret_count; i++) {
        uint8_t mac[V1_BYTES];
        sign(&secrets[i], header.timestamp, body, mac);
        for (uint32_t j = 0; j < header.v1_count; j++) {
            fits |= sodium_memcmp(mac, header.v1[j], V1_BYTES) == 0 ? 1U : 0U;
        }
        sodium_memzero(mac, sizeof(mac));
    }
    return fits != 0 ? SIGNATURE_GOOD : SIGNATURE_WRONG;
}

const char *payments_signature_name(enum signature_verdict verdict)
{
    switch (verdict) {
    case SIGNATURE_NONE: return "none";
    case SIGNATURE_GOOD: return "good";
    case SIGNATURE_MISSING: return "missing";
    case SIGNATURE_MALFORMED: return "malformed";
    case SIGNATURE_STALE: return "stale";
    case SIGNATURE_WRONG: return "wrong";
    case SIGNATURE_VERDICT_COUNT: break;
    }
    UNREACHABLE("a verdict has a name");
}
