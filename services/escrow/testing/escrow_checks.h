#pragma once

/* What the tests of the decision share. cmocka and its prerequisites are included before. */
#include "escrow/testing/escrow_fixture.h"

static inline struct escrow_decision decide(const struct fixture *fixture,
                                            const struct escrow_message *message)
{
    return escrow_decide(&fixture->escrow, message, &fixture->facts);
}

static inline struct escrow_message as_user(enum escrow_message_kind kind, struct id user)
{
    struct escrow_message message = fixture_message(kind);
    message.actor = (struct engine_actor){.kind = ENGINE_ACTOR_USER, .id = user};
    return message;
}

static inline void expect_refusal(struct escrow_decision decision, enum escrow_reason reason)
{
    assert_int_equal(decision.verdict, ESCROW_REJECT);
    assert_int_equal(decision.reason, reason);
    assert_int_equal(decision.step_count, 0);
    assert_int_equal(decision.request_count, 0);
    assert_int_equal(decision.suspense_count, 0);
}

static inline void expect_move(const struct escrow_step *step, uint32_t index,
                               enum escrow_account debit, enum escrow_account credit,
                               int64_t amount_minor, struct id leg_id)
{
    assert_true(index < step->move_count);
    const struct escrow_move *move = &step->moves[index];
    assert_int_equal(move->debit, debit);
    assert_int_equal(move->credit, credit);
    assert_int_equal(move->amount_minor, amount_minor);
    assert_true(id_eq(move->leg_id, leg_id));
}
