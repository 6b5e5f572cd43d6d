/* What the sealer leaves for an escrow goes out as it came, and changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "escrow/escrow_out_seals.h"
#include "escrow/testing/escrow_fake.h"
#include "escrow/testing/escrow_fixture.h"
#include "holdfast/escrow/v1/seals.pb-c.h"
#include "wire/wire.h"

static struct engine_turn fake;

static struct str message_bytes(void)
{
    static const char signature[SIGN_BYTES] = {1};
    const struct escrow_seal seal = {
        .n = 7, .at_us = 9, .leaf_count = 2, .signature = {.ptr = signature, .len = SIGN_BYTES}};
    const struct escrow_seal_leaf leaf = {.escrow_id = FIXTURE_ESCROW, .seq = 3, .prev_seal_n = 6};
    const struct hash path = {.bytes = {0xab}};
    const struct escrow_seal_proof proof = {
        .seal = &seal, .leaf = &leaf, .path = &path, .path_count = 1};
    struct str type;
    struct str payload;
    assert_int_equal(
        escrow_out_seal_message(&fake.op, fixture_id(0x77), &proof, &type, &payload).kind,
        STATUS_OK);
    assert_true(str_eq(type, STR("holdfast.escrow.v1.TellSeal")));
    return payload;
}

static void a_seal_goes_out(void **state)
{
    (void)state;
    struct fixture fixture;
    fake_init(&fake);
    fixture_init(&fixture, ESCROW_FUNDS_HELD);
    fake.rows.exists = true;
    fake.rows.escrow = fixture.escrow;
    assert_int_equal(
        fake_deliver(&fake, TOPIC_ESCROW_MESSAGES_V1, FIXTURE_ESCROW, message_bytes()).kind,
        STATUS_OK);
    assert_int_equal(fake.rows.record_count, 1);
    assert_int_equal(fake.rows.transition_count, 0);
    assert_false(fake.changed);
    const struct fake_record *record = &fake.records[0];
    assert_int_equal(record->topic, TOPIC_ESCROW_SEALS_V1);
    ProtobufCMessage *unpacked;
    assert_int_equal(wire_unpack(&fake.op, &holdfast__escrow__v1__seal_event__descriptor,
                                 record->payload, WIRE_BUDGET_BYTES, &unpacked)
                         .kind,
                     STATUS_OK);
    const Holdfast__Escrow__V1__SealProof *proof =
        ((const Holdfast__Escrow__V1__SealEvent *)unpacked)->escrow_sealed->proof;
    assert_int_equal(proof->seq, 3);
    assert_int_equal(proof->prev_seal_n, 6);
    assert_int_equal(proof->path.len, HASH_BYTES);
    assert_int_equal(proof->path.data[0], 0xab);
    assert_int_equal(proof->seal->n, 7);
    assert_int_equal(proof->seal->signature.len, SIGN_BYTES);
    fake_fini(&fake);
}

static void a_seal_of_nothing_waits(void **state)
{
    (void)state;
    fake_init(&fake);
    assert_int_equal(
        fake_deliver(&fake, TOPIC_ESCROW_MESSAGES_V1, FIXTURE_ESCROW, message_bytes()).kind,
        STATUS_NOT_FOUND);
    fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seal_goes_out),
        cmocka_unit_test(a_seal_of_nothing_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
