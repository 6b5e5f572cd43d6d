/* A dossier proves what it holds: each check has its finding. What is random is in ctl_dossier_tamper_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "holdfastctl/testing/ctl_dossier_world.h"

static void what_is_right_has_no_finding(void **state)
{
    (void)state;
    arena_reset(&arena);
    struct str text = written(&original.dossier);
    assert_string_equal(found(text), "");
    assert_int_equal(verification.transitions, TRANSITIONS);
    assert_int_equal(verification.seals, SEALS);
    assert_true(str_has_prefix(text, STR("{\"kind\":\"dossier\",\"format\":\"" CTL_DOSSIER_FORMAT
                                         "\"}\n{\"kind\":\"terms\"")));
}

/* Each check by the finding that it alone makes. */
static void each_check_has_its_finding(void **state)
{
    (void)state;
    world = original;
    arena_reset(&arena);
    point_at_rows(&world);
    world.dossier.transition_count--;
    ctl_dossier_derive(&world.dossier);
    assert_string_equal(found(written(&world.dossier)), "seal_path");
    world.dossier.seal_count--; /* the rest is whole, and sealed up to seq 5 alone */
    assert_string_equal(found(written(&world.dossier)), "unsealed");
    world = original;
    point_at_rows(&world);
    world.seals[1] = world.seals[2];
    world.dossier.seal_count--;
    assert_string_equal(found(written(&world.dossier)), "seal_missing");
    world = original;
    point_at_rows(&world);
    world.dossier.suspense_count--;
    assert_string_equal(found(written(&world.dossier)), "suspense");
    world = original;
    point_at_rows(&world);
    world.seals[0].path[0].bytes[9] ^= 1;
    assert_string_equal(found(written(&world.dossier)), "seal_path");
    world = original;
    point_at_rows(&world);
    world.seals[0].seal.at_us++;
    world.seals[0].seal.hash = escrow_seal_hash(&world.seals[0].seal);
    assert_string_equal(found(written(&world.dossier)), "seal_signature");
    world = original;
    point_at_rows(&world);
    world.seals[0].seal.hash.bytes[0] ^= 1;
    assert_string_equal(found(written(&world.dossier)), "seal_hash");
    struct ctl_keys none = {.count = 0};
    struct ctl_keys kept = original.keys;
    original.keys = none;
    assert_string_equal(found(written(&original.dossier)), "seal_key");
    original.keys = kept;
}

/* What the fees come to: no hash is over it. */
static void what_follows_from_terms_cannot_be_changed(void **state)
{
    (void)state;
    const char *const changes[][2] = {
        {"\"buyer_fee_minor\":0", "\"buyer_fee_minor\":1"},
        {"\"seller_fee_minor\":0", "\"seller_fee_minor\":1"},
    };
    arena_reset(&arena);
    fees = (struct fee_terms){.buyer = {0, 0}};
    build(&world);
    fees = usual_fees;
    struct str text = written(&world.dossier);
    assert_string_equal(found(text), "");
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        struct str from = str_of(changes[i][0]);
        const char *at = memmem(text.ptr, text.len, from.ptr, from.len);
        assert_non_null(at);
        size_t before = (size_t)(at - text.ptr);
        assert_string_equal(found(joined(head_of(text, before), str_of(changes[i][1]),
                                         str_after(text, before + from.len))),
                            "form");
    }
}

static void a_verdict_is_the_arbiters_and_moved_what_it_says(void **state)
{
    (void)state;
    for (forgery = FORGERY_SUMS; forgery <= FORGERY_MISSING; forgery++) {
        arena_reset(&arena);
        build(&world);
        assert_string_equal(found(written(&world.dossier)),
                            forgery == FORGERY_MISSING ? "verdict" : "verdict_signature");
    }
    forgery = FORGERY_NONE;
    moves[6].amount_minor--; /* what was moved is another division than the one that was signed */
    moves[7].amount_minor++;
    arena_reset(&arena);
    build(&world);
    moves[6].amount_minor++;
    moves[7].amount_minor--;
    assert_string_equal(found(written(&world.dossier)), "verdict");
    world = original;
    point_at_rows(&world);
    world.verdicts[1] = world.verdicts[0]; /* of a transition that decides nothing */
    world.verdicts[1].seq++;
    world.dossier.verdict_count++;
    assert_string_equal(found(written(&world.dossier)), "verdict");
    world = original;
    point_at_rows(&world);
    world.verdicts[0].dispute++;
    assert_string_equal(found(written(&world.dossier)), "hash");
}

/* One of the two submitted it, and its transition is over what it is. */
static void evidence_is_of_one_of_the_two(void **state)
{
    (void)state;
    forgery = FORGERY_EVIDENCE; /* signed and sealed as it stands */
    arena_reset(&arena);
    build(&world);
    forgery = FORGERY_NONE;
    assert_string_equal(found(written(&world.dossier)), "evidence");
    world = original;
    point_at_rows(&world);
    world.evidence[1] = world.evidence[0]; /* of a transition that submitted nothing */
    world.evidence[1].seq++;
    world.dossier.evidence_count++;
    assert_string_equal(found(written(&world.dossier)), "evidence");
    world = original;
    point_at_rows(&world);
    world.dossier.evidence_count = 0;
    assert_string_equal(found(written(&world.dossier)), "hash");
    world = original;
    point_at_rows(&world);
    world.evidence[0].content.bytes[0] ^= 1;
    assert_string_equal(found(written(&world.dossier)), "hash");
}

static void transfers_are_counted_in_order(void **state)
{
    (void)state;
    arena_reset(&arena);
    world = original;
    point_at_rows(&world);
    world.transfers[3] = original.transfers[4];
    world.transfers[4] = original.transfers[3];
    assert_string_equal(found(written(&world.dossier)), "transfer_order");
    world = original;
    point_at_rows(&world);
    world.transfers[TRANSFERS] = original.transfers[2]; /* of a transition that is not there */
    world.transfers[TRANSFERS].seq = TRANSITIONS + 1;
    world.dossier.transfer_count++;
    assert_string_equal(found(written(&world.dossier)), "transfer_count");
    moves[4].amount_minor++; /* signed and sealed, but more than was owed */
    build(&world);
    moves[4].amount_minor--;
    assert_string_equal(found(written(&world.dossier)), "liability");
}

/* Somebody without the key who rewrites the history and its chain. */
static void a_history_made_anew_does_not_fit_its_seals(void **state)
{
    (void)state;
    world = original;
    arena_reset(&arena);
    point_at_rows(&world);
    world.dossier.transfer_count = 0;
    world.dossier.escrow.price_minor = 1;
    build_history(&world);
    ctl_dossier_derive(&world.dossier);
    assert_string_equal(found(written(&world.dossier)), "seal_path");
}

int main(void)
{
    arena_init(&arena, ARENA_BYTES);
    build(&original);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_right_has_no_finding),
        cmocka_unit_test(each_check_has_its_finding),
        cmocka_unit_test(what_follows_from_terms_cannot_be_changed),
        cmocka_unit_test(a_verdict_is_the_arbiters_and_moved_what_it_says),
        cmocka_unit_test(evidence_is_of_one_of_the_two),
        cmocka_unit_test(transfers_are_counted_in_order),
        cmocka_unit_test(a_history_made_anew_does_not_fit_its_seals),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_fini(&arena);
    return failed;
}
