/* Seals that fit have no finding; each way of changing one by hand has its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "holdfastctl/ctl_verify.h"

#define LEAVES 3

struct world {
    struct ctl_keys keys;
    struct sign_secret secret;
    struct escrow_seal_leaf leaves[LEAVES];
    struct hash hashes[LEAVES];
    struct escrow_seal seal;
    struct signature signature;
    struct ctl_last_seal before;
    struct escrow_transition transitions[LEAVES];
    struct ctl_history history; /* of one escrow that all leaves are about */
};

static void sign(struct world *world)
{
    char memory[ESCROW_SEAL_TEXT_BYTES];
    world->signature = sign_text(&world->secret, escrow_seal_text(&world->seal, memory));
    world->seal.signature =
        (struct str){.ptr = (const char *)world->signature.bytes, .len = SIGN_BYTES};
    world->seal.hash = escrow_seal_hash(&world->seal);
}

static void build(struct world *world)
{
    memset(world, 0, sizeof(*world));
    assert_true(
        sign_secret_read(STR("-----BEGIN PRIVATE KEY-----\n"
                             "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
                             "-----END PRIVATE KEY-----\n"),
                         &world->secret));
    world->keys.keys[0] = sign_public_of(&world->secret);
    world->keys.ids[0] = sign_key_id(&world->keys.keys[0]);
    world->keys.count = 1;
    for (uint32_t i = 0; i < LEAVES; i++) {
        world->transitions[i].seq = i + 1;
        world->transitions[i].hash.bytes[0] = (uint8_t)(i + 1);
        world->leaves[i] = (struct escrow_seal_leaf){
            .seal_n = 5 + i, .seq = i + 1, .head = world->transitions[i].hash};
        world->leaves[i].prev_seal_n = i > 0 ? 4 + i : 0;
        world->hashes[i] = escrow_seal_leaf_hash(&world->leaves[i]);
    }
    world->history = (struct ctl_history){.transitions = world->transitions,
                                          .transition_count = LEAVES,
                                          .leaves = world->leaves,
                                          .leaf_count = LEAVES};
    world->before = (struct ctl_last_seal){.n = 8};
    world->before.hash.bytes[0] = 0xbe;
    world->seal = (struct escrow_seal){.n = 9, .at_us = 1000, .leaf_count = LEAVES};
    world->seal.prev = world->before.hash;
    world->seal.root = escrow_seal_root(world->hashes, LEAVES);
    world->seal.key_id = world->keys.ids[0];
    sign(world);
}

/* The only finding, or "" when there is none; unsealed is told beside. */
static const char *found(const struct world *world, uint64_t *ret_unsealed)
{
    static struct ctl_verification verification;
    static struct arena arena;
    arena_init(&arena, (size_t)1024 * 1024);
    struct op op = {.arena = &arena};
    memset(&verification, 0, sizeof(verification));
    ctl_verify_seal(&op, &verification, &world->seal, &world->before, world->hashes, LEAVES);
    ctl_verify_signature(&op, &verification, (struct id){.bytes = {0}}, &world->seal, &world->keys);
    ctl_verify_leaves(&op, &verification, &world->history);
    arena_fini(&arena);
    assert_in_range(verification.findings_total, 0, 1);
    if (ret_unsealed) {
        *ret_unsealed = verification.unsealed;
    }
    return verification.findings_total > 0 ? verification.findings[0].what : "";
}

static void what_fits_has_no_finding(void **state)
{
    (void)state;
    struct world world;
    uint64_t unsealed = 1;
    build(&world);
    assert_string_equal(found(&world, &unsealed), "");
    assert_int_equal(unsealed, 0);
    world.history.leaf_count--;
    assert_string_equal(found(&world, &unsealed), "");
    assert_int_equal(unsealed, 1);
}

static void a_seal_that_was_changed_is_found(void **state)
{
    (void)state;
    struct world world;
    build(&world);
    world.seal.n++;
    sign(&world);
    assert_string_equal(found(&world, NULL), "seal_gap");
    build(&world);
    world.seal.prev.bytes[3] ^= 1;
    sign(&world);
    assert_string_equal(found(&world, NULL), "seal_chain");
    build(&world);
    world.hashes[1].bytes[3] ^= 1;
    assert_string_equal(found(&world, NULL), "seal_root");
    build(&world);
    world.seal.leaf_count--;
    sign(&world);
    assert_string_equal(found(&world, NULL), "seal_root");
    build(&world);
    world.seal.hash.bytes[3] ^= 1;
    assert_string_equal(found(&world, NULL), "seal_hash");
    build(&world);
    world.signature.bytes[3] ^= 1;
    world.seal.hash = escrow_seal_hash(&world.seal);
    assert_string_equal(found(&world, NULL), "seal_signature");
    build(&world);
    world.seal.key_id.bytes[3] ^= 1;
    sign(&world);
    assert_string_equal(found(&world, NULL), "seal_key");
}

static void what_a_seal_says_of_an_escrow_is_its_history(void **state)
{
    (void)state;
    struct world world;
    build(&world);
    world.transitions[1].hash.bytes[5] ^= 1;
    assert_string_equal(found(&world, NULL), "sealed_head");
    build(&world);
    world.leaves[2].seq = LEAVES + 1;
    assert_string_equal(found(&world, NULL), "sealed_head");
    build(&world);
    world.leaves[1].prev_seal_n = 3;
    assert_string_equal(found(&world, NULL), "seal_missing");
    build(&world);
    world.leaves[0].prev_seal_n = 1;
    assert_string_equal(found(&world, NULL), "seal_missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_has_no_finding),
        cmocka_unit_test(a_seal_that_was_changed_is_found),
        cmocka_unit_test(what_a_seal_says_of_an_escrow_is_its_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
