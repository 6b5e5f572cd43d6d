/* Trees of every size, by RFC 6962's own words beside ours; and that nothing else leads to a root. */
#include "escrow/escrow_seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"

#define SIZES_MAX 70

static struct hash leaves[ESCROW_SEAL_LEAVES_MAX];

static void make_leaves(void)
{
    for (uint32_t i = 0; i < ESCROW_SEAL_LEAVES_MAX; i++) {
        struct escrow_seal_leaf leaf = {.seq = i + 1, .prev_seal_n = i % 3};
        leaf.escrow_id.bytes[0] = (uint8_t)(i >> 8);
        leaf.escrow_id.bytes[1] = (uint8_t)i;
        leaves[i] = escrow_seal_leaf_hash(&leaf);
    }
}

/* MTH of RFC 6962, section 2.1, told as it is there: level by level, an odd last one goes up as it is. */
static struct hash root_by_levels(uint32_t count)
{
    static struct hash level[ESCROW_SEAL_LEAVES_MAX];
    memcpy(level, leaves, count * sizeof(level[0]));
    while (count > 1) {
        uint32_t above = 0;
        for (uint32_t i = 0; i < count; i += 2) {
            if (i + 1 == count) {
                level[above++] = level[i];
                continue;
            }
            struct hash_state state;
            hash_init(&state);
            hash_add(&state, "\x01", 1);
            hash_add(&state, level[i].bytes, HASH_BYTES);
            hash_add(&state, level[i + 1].bytes, HASH_BYTES);
            level[above++] = hash_done(&state);
        }
        count = above;
    }
    return level[0];
}

static void a_leaf_is_what_the_header_says(void **state)
{
    (void)state;
    struct escrow_seal_leaf leaf = {.seq = 258, .prev_seal_n = 3};
    memset(leaf.escrow_id.bytes, 0xe1, sizeof(leaf.escrow_id.bytes));
    memset(leaf.head.bytes, 0xaa, HASH_BYTES);
    uint8_t bytes[1 + 16 + 8 + HASH_BYTES + 8] = {0};
    memset(bytes + 1, 0xe1, 16);
    bytes[23] = 1;
    bytes[24] = 2;
    memset(bytes + 25, 0xaa, HASH_BYTES);
    bytes[sizeof(bytes) - 1] = 3;
    struct hash wanted = hash_of((struct str){.ptr = (const char *)bytes, .len = sizeof(bytes)});
    struct hash made = escrow_seal_leaf_hash(&leaf);
    assert_true(hash_eq(&made, &wanted));
}

static void every_leaf_of_every_size_is_included(void **state)
{
    (void)state;
    for (uint32_t count = 1; count <= SIZES_MAX; count++) {
        struct hash root = escrow_seal_root(leaves, count);
        struct hash wanted = root_by_levels(count);
        assert_true(hash_eq(&root, &wanted));
        for (uint32_t i = 0; i < count; i++) {
            struct hash path[ESCROW_SEAL_PATH_MAX];
            uint32_t len = escrow_seal_path(leaves, count, i, path);
            assert_true(escrow_seal_includes(&root, count, i, &leaves[i], path, len));
            for (uint32_t other = 0; other < count; other++) {
                bool same = other == i;
                assert_int_equal(escrow_seal_includes(&root, count, other, &leaves[i], path, len),
                                 same);
                assert_int_equal(escrow_seal_includes(&root, count, i, &leaves[other], path, len),
                                 same);
            }
            if (len > 0) {
                assert_false(escrow_seal_includes(&root, count, i, &leaves[i], path, len - 1));
                path[len - 1].bytes[7] ^= 1;
                assert_false(escrow_seal_includes(&root, count, i, &leaves[i], path, len));
            }
        }
    }
}

static void the_largest_tree_fits(void **state)
{
    (void)state;
    struct hash root = escrow_seal_root(leaves, ESCROW_SEAL_LEAVES_MAX);
    struct hash wanted = root_by_levels(ESCROW_SEAL_LEAVES_MAX);
    struct hash path[ESCROW_SEAL_PATH_MAX];
    assert_true(hash_eq(&root, &wanted));
    uint32_t len = escrow_seal_path(leaves, ESCROW_SEAL_LEAVES_MAX, 4095, path);
    assert_int_equal(len, ESCROW_SEAL_PATH_MAX);
    assert_true(
        escrow_seal_includes(&root, ESCROW_SEAL_LEAVES_MAX, 4095, &leaves[4095], path, len));
    assert_false(
        escrow_seal_includes(&root, ESCROW_SEAL_LEAVES_MAX + 1, 4095, &leaves[4095], path, len));
    assert_false(escrow_seal_includes(&root, 0, 0, &leaves[0], path, 0));
    assert_false(escrow_seal_includes(&root, 1, -1, &leaves[0], path, 0));
}

/* A node cannot be shown as a leaf: without the prefixes it could. */
static void a_node_is_no_leaf(void **state)
{
    (void)state;
    struct hash root = escrow_seal_root(leaves, 4);
    struct hash left = escrow_seal_root(leaves, 2);
    struct hash right = escrow_seal_root(leaves + 2, 2);
    struct hash_state plain;
    hash_init(&plain);
    hash_add(&plain, left.bytes, HASH_BYTES);
    hash_add(&plain, right.bytes, HASH_BYTES);
    struct hash joined = hash_done(&plain);
    assert_false(hash_eq(&root, &joined));
}

static void a_seal_is_what_its_text_says(void **state)
{
    (void)state;
    struct sign_secret secret;
    assert_true(
        sign_secret_read(STR("-----BEGIN PRIVATE KEY-----\n"
                             "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
                             "-----END PRIVATE KEY-----\n"),
                         &secret));
    struct sign_public public_key = sign_public_of(&secret);
    char memory[ESCROW_SEAL_TEXT_BYTES];
    struct escrow_seal seal = {.n = 17, .at_us = 1790000000000000, .leaf_count = 3};
    seal.root.bytes[0] = 0xab;
    seal.prev.bytes[31] = 1;
    struct str text = escrow_seal_text(&seal, memory);
    assert_true(str_eq(
        text, STR("holdfast.seal.v1\nn 17\nat_us 1790000000000000\nleaves 3\n"
                  "prev 0000000000000000000000000000000000000000000000000000000000000001\n"
                  "root ab00000000000000000000000000000000000000000000000000000000000000\n"
                  "key 0000000000000000000000000000000000000000000000000000000000000000\n")));
    struct signature made = sign_text(&secret, text);
    seal.signature = (struct str){.ptr = (const char *)made.bytes, .len = SIGN_BYTES};
    assert_true(escrow_seal_signature_is_right(&seal, &public_key));
    struct hash before = escrow_seal_hash(&seal);
    seal.at_us++;
    struct hash after = escrow_seal_hash(&seal);
    assert_false(hash_eq(&before, &after));
    assert_false(escrow_seal_signature_is_right(&seal, &public_key));
    seal.at_us--;
    seal.signature.len--;
    assert_false(escrow_seal_signature_is_right(&seal, &public_key));
    /* The largest numbers fit. */
    seal = (struct escrow_seal){.n = INT64_MIN, .at_us = INT64_MIN, .leaf_count = INT64_MIN};
    assert_true(escrow_seal_text(&seal, memory).len < ESCROW_SEAL_TEXT_BYTES);
}

int main(void)
{
    make_leaves();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leaf_is_what_the_header_says),
        cmocka_unit_test(every_leaf_of_every_size_is_included),
        cmocka_unit_test(the_largest_tree_fits),
        cmocka_unit_test(a_node_is_no_leaf),
        cmocka_unit_test(a_seal_is_what_its_text_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
