/* In: chain heads. Out: leaves, roots, ways from one to the other, and the text that is signed. */
#include "escrow/escrow_seal.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/defer.h"

#define S(field, kind) TABLE_COLUMN(struct escrow_seal, field, kind)
static const struct table_column seal_columns[] = {
    S(n, COLUMN_INT8),    S(at_us, COLUMN_INT8),  S(leaf_count, COLUMN_INT8), S(prev, COLUMN_HASH),
    S(root, COLUMN_HASH), S(key_id, COLUMN_HASH), S(signature, COLUMN_BYTEA), S(hash, COLUMN_HASH),
};
#undef S

const struct table escrow_seal_table = {
    .name = "seal",
    .row_bytes = sizeof(struct escrow_seal),
    .columns = seal_columns,
    .column_count = ARRAY_LEN(seal_columns),
    .key_count = 1,
    .version = TABLE_NO_COLUMN,
    .parent = TABLE_NO_COLUMN,
};

#define L(field, kind) TABLE_COLUMN(struct escrow_seal_leaf, field, kind)
static const struct table_column leaf_columns[] = {
    L(escrow_id, COLUMN_UUID), L(seal_n, COLUMN_INT8), L(leaf_index, COLUMN_INT8),
    L(seq, COLUMN_INT8),       L(head, COLUMN_HASH),   L(prev_seal_n, COLUMN_INT8),
};
#undef L

const struct table escrow_seal_leaf_table = {
    .name = "seal_leaf",
    .row_bytes = sizeof(struct escrow_seal_leaf),
    .columns = leaf_columns,
    .column_count = ARRAY_LEN(leaf_columns),
    .key_count = 2,
    .version = TABLE_NO_COLUMN,
    .parent = 0,
};

#define LEAF_PREFIX 0x00
#define NODE_PREFIX 0x01

struct hash escrow_seal_leaf_hash(const struct escrow_seal_leaf *leaf)
{
    static const uint8_t prefix = LEAF_PREFIX;
    struct hash_state state;
    hash_init(&state);
    hash_add(&state, &prefix, sizeof(prefix));
    hash_add(&state, leaf->escrow_id.bytes, sizeof(leaf->escrow_id.bytes));
    hash_add_u64(&state, (uint64_t)leaf->seq);
    hash_add(&state, leaf->head.bytes, HASH_BYTES);
    hash_add_u64(&state, (uint64_t)leaf->prev_seal_n);
    return hash_done(&state);
}

static struct hash node(const struct hash *left, const struct hash *right)
{
    static const uint8_t prefix = NODE_PREFIX;
    struct hash_state state;
    hash_init(&state);
    hash_add(&state, &prefix, sizeof(prefix));
    hash_add(&state, left->bytes, HASH_BYTES);
    hash_add(&state, right->bytes, HASH_BYTES);
    return hash_done(&state);
}

struct hash escrow_seal_root(const struct hash *leaves, uint32_t leaf_count)
{
    ASSERT(leaf_count >= 1);
    ASSERT(leaf_count <= ESCROW_SEAL_LEAVES_MAX);
    /* The roots of whole subtrees, from the largest down: one for each bit of the count so far. */
    struct hash stack[ESCROW_SEAL_PATH_MAX + 1];
    uint32_t depth = 0;
    for (uint32_t i = 0; i < leaf_count; i++) {
        stack[depth++] = leaves[i];
        for (uint32_t count = i + 1; (count & 1) == 0; count >>= 1) {
            depth--;
            stack[depth - 1] = node(&stack[depth - 1], &stack[depth]);
        }
    }
    while (depth > 1) {
        depth--;
        stack[depth - 1] = node(&stack[depth - 1], &stack[depth]);
    }
    return stack[0];
}

/* The largest power of two below a count that is above one. */
static uint32_t split_of(uint32_t count)
{
    uint32_t split = 1;
    while (split * 2 < count) {
        split *= 2;
    }
    return split;
}

uint32_t escrow_seal_path(const struct hash *leaves, uint32_t leaf_count, uint32_t index,
                          struct hash ret_path[ESCROW_SEAL_PATH_MAX])
{
    ASSERT(index < leaf_count);
    struct hash down[ESCROW_SEAL_PATH_MAX];
    uint32_t count = 0;
    while (leaf_count > 1) {
        uint32_t split = split_of(leaf_count);
        ASSERT(count < ESCROW_SEAL_PATH_MAX);
        if (index < split) {
            down[count++] = escrow_seal_root(leaves + split, leaf_count - split);
            leaf_count = split;
        } else {
            down[count++] = escrow_seal_root(leaves, split);
            leaves += split;
            leaf_count -= split;
            index -= split;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        ret_path[i] = down[count - 1 - i];
    }
    return count;
}

/* RFC 9162, section 2.1.3.2. */
bool escrow_seal_includes(const struct hash *root, int64_t leaf_count, int64_t index,
                          const struct hash *leaf, const struct hash *path, uint32_t path_count)
{
    if (leaf_count < 1 || leaf_count > ESCROW_SEAL_LEAVES_MAX || index < 0 || index >= leaf_count) {
        return false;
    }
    uint64_t at = (uint64_t)index;
    uint64_t last = (uint64_t)leaf_count - 1;
    struct hash here = *leaf;
    for (uint32_t i = 0; i < path_count; i++) {
        if (last == 0) {
            return false;
        }
        if ((at & 1) == 1 || at == last) {
            here = node(&path[i], &here);
            while ((at & 1) == 0 && at != 0) {
                at >>= 1;
                last >>= 1;
            }
        } else {
            here = node(&here, &path[i]);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && hash_eq(&here, root);
}

static void add_hash_line(struct strbuf *buf, struct str name, const struct hash *hash)
{
    strbuf_add(buf, name);
    strbuf_add_hex(buf, hash->bytes, HASH_BYTES);
    strbuf_add_char(buf, '\n');
}

struct str escrow_seal_text(const struct escrow_seal *seal, char ret_text[ESCROW_SEAL_TEXT_BYTES])
{
    struct strbuf buf;
    struct str text;
    strbuf_init_fixed(&buf, ret_text, ESCROW_SEAL_TEXT_BYTES);
    strbuf_addf(&buf, "holdfast.seal.v1\nn %" PRId64 "\nat_us %" PRId64 "\nleaves %" PRId64 "\n",
                seal->n, seal->at_us, seal->leaf_count);
    add_hash_line(&buf, STR("prev "), &seal->prev);
    add_hash_line(&buf, STR("root "), &seal->root);
    add_hash_line(&buf, STR("key "), &seal->key_id);
    bool fits = strbuf_finish(&buf, &text);
    ASSERT(fits);
    return text;
}

struct hash escrow_seal_hash(const struct escrow_seal *seal)
{
    ASSERT(seal->signature.len == SIGN_BYTES);
    char memory[ESCROW_SEAL_TEXT_BYTES];
    struct str text = escrow_seal_text(seal, memory);
    struct hash_state state;
    hash_init(&state);
    hash_add(&state, text.ptr, text.len);
    hash_add(&state, seal->signature.ptr, seal->signature.len);
    return hash_done(&state);
}

bool escrow_seal_signature_is_right(const struct escrow_seal *seal,
                                    const struct sign_public *public_key)
{
    if (seal->signature.len != SIGN_BYTES) {
        return false;
    }
    char memory[ESCROW_SEAL_TEXT_BYTES];
    struct signature signature;
    memcpy(signature.bytes, seal->signature.ptr, SIGN_BYTES);
    return sign_is_right(public_key, escrow_seal_text(seal, memory), &signature);
}
