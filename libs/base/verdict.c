/* In: a verdict. Out: the one text of it, and whether a signature is over that. Pure. */
#include "base/verdict.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/str.h"

static void add_hash_line(struct strbuf *buf, struct str name, const struct hash *hash)
{
    strbuf_add(buf, name);
    strbuf_add_hex(buf, hash->bytes, HASH_BYTES);
    strbuf_add_char(buf, '\n');
}

struct str verdict_text(const struct verdict *verdict, const struct sign_public *key,
                        char ret_text[VERDICT_TEXT_BYTES])
{
    char escrow[ID_TEXT_BYTES];
    struct strbuf buf;
    struct str text;
    struct hash reason = hash_of(verdict->reason);
    struct hash key_id = sign_key_id(key);
    id_format(verdict->escrow_id, escrow);
    strbuf_init_fixed(&buf, ret_text, VERDICT_TEXT_BYTES);
    strbuf_addf(&buf, "holdfast.verdict.v1\nescrow %s\ndispute %" PRId64 "\n", escrow,
                verdict->dispute);
    add_hash_line(&buf, STR("head "), &verdict->head);
    strbuf_addf(&buf, "currency " STR_FMT "\nseller_minor %" PRId64 "\nbuyer_minor %" PRId64 "\n",
                STR_ARG(currency_name(verdict->currency)), verdict->seller_minor,
                verdict->buyer_minor);
    add_hash_line(&buf, STR("reason "), &reason);
    add_hash_line(&buf, STR("key "), &key_id);
    bool fits = strbuf_finish(&buf, &text);
    ASSERT(fits);
    return text;
}

bool verdict_is_signed(const struct verdict *verdict, struct str key, struct str signature)
{
    if (key.len != SIGN_PUBLIC_BYTES || signature.len != SIGN_BYTES) {
        return false;
    }
    char memory[VERDICT_TEXT_BYTES];
    struct sign_public public_key;
    struct signature copy;
    memcpy(public_key.bytes, key.ptr, SIGN_PUBLIC_BYTES);
    memcpy(copy.bytes, signature.ptr, SIGN_BYTES);
    return sign_is_right(&public_key, verdict_text(verdict, &public_key, memory), &copy);
}
