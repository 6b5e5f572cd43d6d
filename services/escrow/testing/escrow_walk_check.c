/*
 * In: what the handlers published and wrote. Out: nothing, or a failed test. The provider's ledger and
 * oracle's timers are kept from the records alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/verdict.h"
#include "escrow/escrow_chain.h"
#include "escrow/testing/escrow_fixture.h"
#include "escrow/testing/escrow_walk.h"
#include "holdfast/escrow/v1/events.pb-c.h"
#include "holdfast/oracle/v1/commands.pb-c.h"
#include "holdfast/payments/v1/commands.pb-c.h"
#include "wire/wire.h"

/* ---- The provider's own ledger ---- */

struct leg *walk_find_leg(struct walk *walk, struct id id)
{
    for (uint32_t i = 0; i < walk->leg_count; i++) {
        if (id_eq(walk->legs[i].id, id)) {
            return &walk->legs[i];
        }
    }
    return NULL;
}

static bool is_promised(const struct leg *leg)
{
    return leg->kind != LEG_IN && leg->state != LEG_FAILED;
}

int64_t walk_provider_sum(const struct walk *walk, enum leg_kind kind)
{
    int64_t sum_minor = 0;
    for (uint32_t i = 0; i < walk->leg_count; i++) {
        const struct leg *leg = &walk->legs[i];
        if (leg->kind == kind && leg->state == LEG_DONE && !leg->foreign) {
            sum_minor += leg->amount_minor;
        }
    }
    return sum_minor;
}

/* What is promised to go out, under way or done, never exceeds what came; of each leg too. */
static void check_promises(struct walk *walk)
{
    int64_t promised_minor = 0;
    uint32_t transfers = 0;
    for (uint32_t i = 0; i < walk->leg_count; i++) {
        const struct leg *leg = &walk->legs[i];
        if (is_promised(leg)) {
            promised_minor += leg->amount_minor;
            transfers += leg->kind == LEG_TRANSFER;
        }
        int64_t of_leg_minor = 0;
        for (uint32_t j = 0; leg->kind == LEG_IN && j < walk->leg_count; j++) {
            const struct leg *out = &walk->legs[j];
            bool takes = is_promised(out) && id_eq(out->paid_leg_id, leg->id);
            of_leg_minor += takes ? out->amount_minor : 0;
        }
        bool paid = leg->state == LEG_DONE && !leg->foreign;
        assert_true(of_leg_minor <= (paid ? leg->amount_minor : 0));
    }
    assert_true(transfers <= walk->part_count + 1);
    assert_true(promised_minor <= walk_provider_sum(walk, LEG_IN));
}

/* ---- What was released, by our own arithmetic ---- */

static int64_t fee_of(const struct walk *walk, struct fee_rate rate, int64_t part_minor)
{
    int64_t fee_minor = walk->price_minor * rate.basis_points / 10000 + rate.fixed_minor;
    return fee_minor * part_minor / walk->price_minor;
}

static int64_t net_of(const struct walk *walk, int64_t part_minor)
{
    return part_minor - fee_of(walk, walk->fees.seller, part_minor);
}

/* Of the buyer's fee, what falls on the last part_minor of the price. */
static int64_t buyer_fee_of_last(const struct walk *walk, int64_t part_minor)
{
    return fee_of(walk, walk->fees.buyer, walk->price_minor) -
           fee_of(walk, walk->fees.buyer, walk->price_minor - part_minor);
}

/* What the buyer gets of what goes back. */
static int64_t back_of(const struct walk *walk, int64_t part_minor)
{
    return part_minor + (walk->fees.buyer_refundable ? buyer_fee_of_last(walk, part_minor) : 0);
}

/* What the escrow said it released, or once more what failed. */
static void take_payout(struct walk *walk, int64_t amount_minor)
{
    if (walk->payout_minor > 0) {
        assert_int_equal(amount_minor, walk->payout_minor);
        walk->payout_minor = 0;
        return;
    }
    for (uint32_t i = 0; i < walk->leg_count; i++) {
        struct leg *leg = &walk->legs[i];
        if (leg->kind == LEG_TRANSFER && leg->state == LEG_FAILED && !leg->replaced &&
            leg->amount_minor == amount_minor) {
            leg->replaced = true;
            return;
        }
    }
    fail_msg("a payout of %d that nothing asked for", (int)amount_minor);
}

/* What two agreed to, or a verdict says. */
struct division {
    int64_t seller_minor, buyer_minor;
    int64_t seller_gets_minor, buyer_gets_minor;
};

static void take_division(struct walk *walk, struct division division)
{
    if (division.seller_minor == 0 || division.buyer_minor == 0) {
        return; /* a release or a refund follows */
    }
    int64_t before_minor = walk->released_minor;
    walk->released_minor += division.seller_minor;
    walk->payout_minor = net_of(walk, walk->released_minor) - net_of(walk, before_minor);
    assert_int_equal(division.seller_gets_minor, walk->payout_minor);
    assert_int_equal(division.buyer_gets_minor,
                     back_of(walk, walk->price_minor - walk->released_minor) -
                         back_of(walk, walk->returned_minor));
}

/* All that was frozen, by the deal's arbiter and signed over the history before; or by staff, unsigned, in time. */
static void take_verdict(struct walk *walk, const Holdfast__Escrow__V1__EscrowEvent *event,
                         const struct escrow_transition *transition)
{
    walk->by_verdict =
        event->body_case == HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_DISPUTE_RESOLVED;
    if (!walk->by_verdict) {
        return;
    }
    walk->agreed = true;
    const Holdfast__Escrow__V1__EscrowDisputeResolved *said = event->escrow_dispute_resolved;
    const struct fake_rows *rows = &walk->fake->rows;
    const struct escrow_dispute_verdict *row = &walk->fake->verdicts[rows->verdict_count - 1];
    const struct escrow_dispute *dispute = &rows->disputes[rows->dispute_count - 1];
    bool by_staff = transition->actor_kind == ENGINE_ACTOR_STAFF;
    assert_int_equal(transition->from_state, ESCROW_ESCALATED);
    assert_int_equal(row->seq, transition->seq);
    assert_int_equal(said->number, rows->dispute_count);
    assert_int_equal(said->seller_minor, row->seller_minor);
    assert_int_equal(said->buyer_minor, row->buyer_minor);
    assert_int_equal(said->seller_minor + said->buyer_minor, dispute->amount_minor);
    assert_int_equal(dispute->seller_minor, row->seller_minor);
    assert_true(walk->with_arbiter || by_staff);
    assert_int_equal(row->signature.len, by_staff ? 0 : SIGN_BYTES);
    const struct verdict verdict = {
        .escrow_id = walk->escrow_id,
        .dispute = said->number,
        .head = transition->prev_hash,
        .currency = CURRENCY_USD,
        .seller_minor = said->seller_minor,
        .buyer_minor = said->buyer_minor,
        .reason = str_of(said->reason),
    };
    assert_true(by_staff ||
                verdict_is_signed(&verdict, rows->escrow.arbiter_key, wire_bytes(said->signature)));
    assert_true(by_staff || id_eq(transition->actor_id, FIXTURE_ARBITER));
    int64_t waited_us = transition->at_us - walk->escalated_at_us;
    assert_true(!by_staff || !walk->with_arbiter || waited_us >= INT64_C(5) * 86400 * 1000000);
    take_division(walk, (struct division){said->seller_minor, said->buyer_minor,
                                          said->seller_gets_minor, said->buyer_gets_minor});
}

/* An offer is over what is held, in the state in which it was made; the other one agrees to what it says. */
static void take_offer(struct walk *walk, const Holdfast__Escrow__V1__EscrowEvent *event,
                       const struct escrow_transition *transition)
{
    struct walk_offer *offer = &walk->offer;
    walk->agreed = event->body_case == HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_SPLIT_AGREED;
    if (walk->agreed) {
        const Holdfast__Escrow__V1__EscrowSplitAgreed *agreed = event->escrow_split_agreed;
        assert_int_equal(agreed->number, offer->number);
        assert_int_equal(agreed->seller_minor, offer->seller_minor);
        assert_int_equal(agreed->buyer_minor, offer->buyer_minor);
        assert_false(id_eq(transition->actor_id, offer->by));
        take_division(walk, (struct division){agreed->seller_minor, agreed->buyer_minor,
                                              agreed->seller_gets_minor, agreed->buyer_gets_minor});
    }
    if (event->body_case == HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_SPLIT_PROPOSED) {
        const Holdfast__Escrow__V1__EscrowSplitProposed *made = event->escrow_split_proposed;
        *offer = (struct walk_offer){.number = made->number,
                                     .by = transition->actor_id,
                                     .seller_minor = made->seller_minor,
                                     .buyer_minor = made->buyer_minor};
        assert_int_equal(made->number, ++walk->offers);
    }
    bool taken_back =
        event->body_case == HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_SPLIT_WITHDRAWN;
    if (taken_back) {
        assert_int_equal(event->escrow_split_withdrawn->number, offer->number);
        assert_true(offer->number > 0 && id_eq(transition->actor_id, offer->by));
    }
    bool moved = taken_back || transition->from_state != transition->to_state ||
                 offer->seller_minor + offer->buyer_minor !=
                     event->balances->held_minor + event->balances->disputed_minor;
    offer->number = moved ? 0 : offer->number;
    assert_int_equal(event->split ? event->split->number : 0, offer->number);
    if (event->split) {
        assert_int_equal(event->split->seller_minor, offer->seller_minor);
        assert_int_equal(event->split->buyer_minor, offer->buyer_minor);
    }
}

static void take_part(struct walk *walk, int64_t k, const struct walk_part *part)
{
    assert_int_equal(part->amount_minor,
                     k > 0 ? walk->milestones[k].price_minor : walk->part_asked_minor);
    walk->part_count++;
    assert_int_equal(part->number, walk->part_count);
    assert_int_equal(part->left_minor,
                     walk->price_minor - walk->released_minor - walk->returned_minor);
    assert_int_equal(part->left_minor, part->held_minor);
    assert_true(part->gets_minor > 0 && part->left_minor > 0);
}

static void take_release(struct walk *walk, const Holdfast__Escrow__V1__EscrowEvent *event)
{
    int64_t before_minor = walk->released_minor;
    int64_t back_minor = back_of(walk, walk->returned_minor);
    int64_t held_minor = event->balances->held_minor;
    int64_t rest_minor = walk->price_minor - before_minor - walk->returned_minor;
    int64_t k = walk_milestone_of(event);
    if (event->body_case == HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_PARTIALLY_RELEASED) {
        const Holdfast__Escrow__V1__EscrowPartiallyReleased *part =
            event->escrow_partially_released;
        walk->released_minor += part->amount->amount_minor;
        walk->payout_minor = net_of(walk, walk->released_minor) - net_of(walk, before_minor);
        assert_int_equal(part->seller_gets->amount_minor, walk->payout_minor);
        take_part(walk, k,
                  &(struct walk_part){part->amount->amount_minor, part->left->amount_minor,
                                      walk->payout_minor, held_minor, part->number});
    } else if (event->body_case ==
               HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_PARTIALLY_REFUNDED) {
        const Holdfast__Escrow__V1__EscrowPartiallyRefunded *part =
            event->escrow_partially_refunded;
        walk->returned_minor += part->amount->amount_minor;
        back_minor = back_of(walk, walk->returned_minor) - back_minor;
        assert_int_equal(part->buyer_gets->amount_minor, back_minor);
        take_part(walk, k,
                  &(struct walk_part){part->amount->amount_minor, part->left->amount_minor,
                                      back_minor, held_minor, part->number});
    } else if (event->body_case ==
               HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_RELEASE_STARTED) {
        assert_true(k == 0 || rest_minor == walk->milestones[k].price_minor);
        walk->released_minor += rest_minor;
        walk->payout_minor = net_of(walk, walk->released_minor) - net_of(walk, before_minor);
        assert_int_equal(event->escrow_release_started->amount->amount_minor, walk->payout_minor);
    } else if (event->body_case == HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_REFUND_STARTED) {
        assert_true(k == 0 || rest_minor == walk->milestones[k].price_minor);
        back_minor = back_of(walk, walk->price_minor - before_minor) - back_minor;
        assert_int_equal(event->escrow_refund_started->amount->amount_minor, back_minor);
    } else if (event->body_case == HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_RELEASED) {
        assert_int_equal(event->balances->paid_out_minor, net_of(walk, walk->released_minor));
    }
    assert_int_equal(event->balances->released_minor, walk->released_minor);
    assert_int_equal(event->balances->returned_minor, walk->returned_minor);
}

static void take_request(struct walk *walk, const struct fake_record *record)
{
    ProtobufCMessage *message;
    struct op *op = &walk->fake->op;
    assert_false(
        status_failed(wire_unpack(op, &holdfast__payments__v1__payments_command__descriptor,
                                  record->payload, WIRE_BUDGET_BYTES, &message)));
    const Holdfast__Payments__V1__PaymentsCommand *command =
        (const Holdfast__Payments__V1__PaymentsCommand *)message;
    struct leg leg = {.state = LEG_OPEN};
    ProtobufCBinaryData leg_id = {0}, paid_leg_id = {0};
    const Holdfast__Common__V1__Money *amount = NULL;
    if (command->body_case == HOLDFAST__PAYMENTS__V1__PAYMENTS_COMMAND__BODY_CANCEL_PAYMENT) {
        return; /* the provider may still be paid: news decide */
    }
    if (command->body_case ==
        HOLDFAST__PAYMENTS__V1__PAYMENTS_COMMAND__BODY_CREATE_PAYMENT_INTENT) {
        leg_id = command->create_payment_intent->leg_id;
        amount = command->create_payment_intent->amount;
        assert_int_equal(amount->amount_minor, walk->buyer_pays_minor);
    } else if (command->body_case ==
               HOLDFAST__PAYMENTS__V1__PAYMENTS_COMMAND__BODY_TRANSFER_TO_SELLER) {
        leg.kind = LEG_TRANSFER;
        leg_id = command->transfer_to_seller->leg_id;
        paid_leg_id = command->transfer_to_seller->paid_leg_id;
        amount = command->transfer_to_seller->amount;
        take_payout(walk, amount->amount_minor);
    } else {
        leg.kind = LEG_REFUND;
        leg_id = command->refund_buyer->leg_id;
        paid_leg_id = command->refund_buyer->paid_leg_id;
        amount = command->refund_buyer->amount;
    }
    if (leg.kind != LEG_IN) {
        assert_false(status_failed(wire_id(op, "paid_leg_id", paid_leg_id, &leg.paid_leg_id)));
        assert_non_null(walk_find_leg(walk, leg.paid_leg_id));
    }
    leg.amount_minor = amount->amount_minor;
    assert_false(status_failed(wire_id(op, "leg_id", leg_id, &leg.id)));
    assert_null(walk_find_leg(walk, leg.id)); /* every leg is new: its id is an idempotency key */
    assert_true(walk->leg_count < WALK_LEGS_MAX);
    walk->legs[walk->leg_count++] = leg;
}

/* ---- What escrow keeps, held against it ---- */

struct sums {
    int64_t of[ESCROW_ACCOUNT_COUNT];
    int64_t foreign_suspense;
    int64_t foreign_clear;
};

/* The sums up to seq, from the transfers alone. Assets count up by debit, liabilities by credit. */
static struct sums sum_transfers(const struct walk *walk, int64_t seq)
{
    struct sums sums = {0};
    for (uint32_t i = 0; i < walk->fake->rows.transfer_count; i++) {
        const struct escrow_transfer *transfer = &walk->fake->transfers[i];
        assert_true(transfer->amount_minor > 0);
        assert_true(transfer->debit != transfer->credit);
        if (transfer->seq > seq) {
            continue;
        }
        if (str_eq(transfer->currency, STR("USD"))) {
            sums.of[transfer->debit] -= transfer->amount_minor;
            sums.of[transfer->credit] += transfer->amount_minor;
        } else {
            assert_int_equal(transfer->debit, ESCROW_ACCOUNT_PSP_CLEAR);
            assert_int_equal(transfer->credit, ESCROW_ACCOUNT_SUSPENSE);
            sums.foreign_clear += transfer->amount_minor;
            sums.foreign_suspense += transfer->amount_minor;
        }
    }
    sums.of[ESCROW_ACCOUNT_PSP_CLEAR] = -sums.of[ESCROW_ACCOUNT_PSP_CLEAR];
    return sums;
}

static void check_money(struct walk *walk)
{
    const struct escrow *escrow = &walk->fake->rows.escrow;
    int64_t in_minor = walk_provider_sum(walk, LEG_IN);
    int64_t seller_minor = walk_provider_sum(walk, LEG_TRANSFER);
    int64_t buyer_minor = walk_provider_sum(walk, LEG_REFUND);
    assert_int_equal(escrow->received_minor, in_minor);
    assert_int_equal(escrow->paid_out_minor, seller_minor);
    assert_int_equal(escrow->refunded_minor, buyer_minor);
    assert_int_equal(escrow->due_seller_minor + seller_minor, net_of(walk, walk->released_minor));
    if (escrow->state == ESCROW_RELEASED) { /* and not before all of it was paid */
        assert_int_equal(seller_minor, net_of(walk, walk->released_minor));
        assert_int_equal(walk->released_minor + walk->returned_minor, walk->price_minor);
    }
    bool refunds = escrow->state == ESCROW_REFUNDING || escrow->state == ESCROW_REFUNDED ||
                   escrow->state == ESCROW_SETTLING || escrow->state == ESCROW_SETTLED_SPLIT;
    int64_t back_minor = refunds ? walk->price_minor - walk->released_minor : walk->returned_minor;
    int64_t owed_minor = escrow_state_is_final(escrow->state) ? 0 : escrow->due_buyer_minor;
    assert_true(buyer_minor + owed_minor >= back_of(walk, back_minor));

    struct sums sums = sum_transfers(walk, INT64_MAX);
    int64_t foreign_minor = 0;
    for (uint32_t i = 0; i < walk->leg_count; i++) {
        const struct leg *leg = &walk->legs[i];
        foreign_minor += leg->state == LEG_DONE && leg->foreign ? leg->amount_minor : 0;
    }
    assert_int_equal(sums.of[ESCROW_ACCOUNT_PSP_CLEAR], in_minor - seller_minor - buyer_minor);
    assert_int_equal(sums.of[ESCROW_ACCOUNT_ESCROW_IN], 0);
    assert_int_equal(sums.of[ESCROW_ACCOUNT_ESCROW_HELD], escrow->held_minor);
    assert_int_equal(sums.of[ESCROW_ACCOUNT_ESCROW_DISP], escrow->disputed_minor);
    assert_int_equal(sums.of[ESCROW_ACCOUNT_DUE_SELLER], escrow->due_seller_minor);
    assert_int_equal(sums.of[ESCROW_ACCOUNT_DUE_BUYER], escrow->due_buyer_minor);
    assert_int_equal(sums.of[ESCROW_ACCOUNT_SUSPENSE], escrow->suspense_minor);
    assert_int_equal(sums.of[ESCROW_ACCOUNT_FEE_DEFERRED], escrow->fee_deferred_minor);
    assert_int_equal(sums.of[ESCROW_ACCOUNT_FEE_INC], escrow->fee_minor);
    int64_t kept_fee_minor = walk->fees.buyer_refundable ? 0 : buyer_fee_of_last(walk, back_minor);
    assert_int_equal(escrow->fee_minor, fee_of(walk, walk->fees.seller, walk->released_minor) +
                                            fee_of(walk, walk->fees.buyer, walk->released_minor) +
                                            kept_fee_minor);
    assert_int_equal(sums.foreign_suspense, foreign_minor);
    assert_int_equal(escrow->foreign_money, foreign_minor > 0);
    int64_t kept_minor = escrow->held_minor + escrow->disputed_minor + escrow->suspense_minor +
                         escrow->due_seller_minor + escrow->due_buyer_minor +
                         escrow->fee_deferred_minor + escrow->fee_minor;
    assert_int_equal(kept_minor, in_minor - seller_minor - buyer_minor);
}

/* Only the listed actor can do each step. */
static void check_actor(const struct walk *walk, const struct escrow_transition *transition)
{
    const struct escrow *escrow = &walk->fake->rows.escrow;
    bool staff = transition->actor_kind == ENGINE_ACTOR_STAFF;
    bool buyer = transition->actor_kind == ENGINE_ACTOR_USER &&
                 id_eq(transition->actor_id, escrow->buyer_id);
    bool seller = transition->actor_kind == ENGINE_ACTOR_USER &&
                  id_eq(transition->actor_id, escrow->seller_id);
    bool timer = transition->actor_kind == ENGINE_ACTOR_SYSTEM &&
                 walk->fake->message.topic == TOPIC_ORACLE_EVENTS_V1;
    if (transition->event == ESCROW_EVENT_RELEASE_STARTED) {
        assert_true(buyer || timer || (seller && walk->agreed) || walk->by_verdict);
    } else if (transition->event == ESCROW_EVENT_REFUND_STARTED) {
        assert_true(seller || staff || timer || (buyer && walk->agreed) || walk->by_verdict);
    } else if (transition->event == ESCROW_EVENT_DISPUTED ||
               transition->event == ESCROW_EVENT_DISPUTE_WITHDRAWN ||
               transition->event == ESCROW_EVENT_SPLIT_PROPOSED ||
               transition->event == ESCROW_EVENT_SPLIT_WITHDRAWN ||
               transition->event == ESCROW_EVENT_SPLIT_AGREED) {
        assert_true(buyer || seller);
    } else if (transition->event == ESCROW_EVENT_EXPIRED ||
               transition->event == ESCROW_EVENT_DISPUTE_ESCALATED) {
        assert_true(timer);
    } else if (transition->event == ESCROW_EVENT_PARTIALLY_RELEASED) {
        assert_true(buyer || (timer && walk->milestone_count > 0));
    } else if (transition->event == ESCROW_EVENT_PARTIALLY_REFUNDED) {
        assert_true(seller || staff || timer);
    } else if (transition->event == ESCROW_EVENT_REJECTED) {
        assert_true(buyer);
    } else if (transition->event == ESCROW_EVENT_DELIVERED ||
               transition->event == ESCROW_EVENT_RETURN_ACCEPTED) {
        assert_true(seller);
    } else if (transition->event == ESCROW_EVENT_DISPUTE_RESOLVED) {
        assert_true(staff || id_eq(transition->actor_id, escrow->arbiter_id));
        assert_false(buyer || seller);
    } else if (transition->event == ESCROW_EVENT_PAYOUT_RETRIED) {
        assert_true(staff);
    } else if (transition->event == ESCROW_EVENT_RELEASED ||
               transition->event == ESCROW_EVENT_PART_PAID ||
               transition->event == ESCROW_EVENT_PART_REFUNDED ||
               transition->event == ESCROW_EVENT_SETTLED) {
        assert_int_equal(transition->actor_kind, ENGINE_ACTOR_SYSTEM);
    }
}

/* An event on the wire says what the transfers up to it say. */
static void take_event(struct walk *walk, const struct fake_record *record)
{
    ProtobufCMessage *message;
    assert_false(
        status_failed(wire_unpack(&walk->fake->op, &holdfast__escrow__v1__escrow_event__descriptor,
                                  record->payload, WIRE_BUDGET_BYTES, &message)));
    const Holdfast__Escrow__V1__EscrowEvent *event =
        (const Holdfast__Escrow__V1__EscrowEvent *)message;
    struct engine_message meta;
    assert_false(status_failed(wire_meta_read(&walk->fake->op, event->meta, &meta)));
    assert_true(id_eq(meta.id, record->id));
    assert_true(id_eq(meta.causation_id, walk->fake->message.id));
    if (event->body_case == HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_COMMAND_REJECTED) {
        assert_int_equal(event->seq, 0);
        walk->rejections_seen++;
        return;
    }
    assert_int_equal(event->seq, walk->last_seq + 1);
    walk->last_seq = event->seq;
    const struct escrow_transition *transition = &walk->fake->transitions[event->seq - 1];
    assert_true(id_eq(transition->id, meta.id));
    assert_int_equal(transition->seq, event->seq);
    assert_int_equal((int)transition->to_state, (int)event->state);
    check_actor(walk, transition);
    bool runs = escrow_timer_of(transition->to_state) != ESCROW_TIMER_NONE;
    assert_int_equal(event->deadline != NULL, runs);
    struct sums sums = sum_transfers(walk, event->seq);
    assert_int_equal(event->balances->in_minor, sums.of[ESCROW_ACCOUNT_ESCROW_IN]);
    assert_int_equal(event->balances->held_minor, sums.of[ESCROW_ACCOUNT_ESCROW_HELD]);
    assert_int_equal(event->balances->disputed_minor, sums.of[ESCROW_ACCOUNT_ESCROW_DISP]);
    assert_int_equal(event->balances->due_seller_minor, sums.of[ESCROW_ACCOUNT_DUE_SELLER]);
    assert_int_equal(event->balances->due_buyer_minor, sums.of[ESCROW_ACCOUNT_DUE_BUYER]);
    assert_int_equal(event->balances->fee_deferred_minor, sums.of[ESCROW_ACCOUNT_FEE_DEFERRED]);
    assert_int_equal(event->balances->fee_minor, sums.of[ESCROW_ACCOUNT_FEE_INC]);
    assert_int_equal(event->balances->received_minor - event->balances->paid_out_minor -
                         event->balances->refunded_minor,
                     sums.of[ESCROW_ACCOUNT_PSP_CLEAR]);
    take_offer(walk, event, transition);
    walk_take_milestone(walk, event, transition);
    take_verdict(walk, event, transition);
    if (transition->event == ESCROW_EVENT_DISPUTE_ESCALATED) {
        walk->escalated_at_us = transition->at_us;
    }
    walk_take_docket(walk, record, transition);
    take_release(walk, event);
    walk->events_seen[transition->event]++;
    walk->states_seen[transition->to_state]++;
}

void walk_check_chain(const struct walk *walk)
{
    const struct engine_turn *fake = walk->fake;
    struct hash head = escrow_chain_root(&fake->rows.escrow);
    enum escrow_state state = ESCROW_NONE;
    uint32_t at = 0, verdicts = 0, evidence = 0;
    for (uint32_t i = 0; i < fake->rows.transition_count; i++) {
        const struct escrow_transition *transition = &fake->transitions[i];
        assert_true(hash_eq(&transition->prev_hash, &head));
        bool resolves = transition->event == ESCROW_EVENT_DISPUTE_RESOLVED;
        bool shows = transition->event == ESCROW_EVENT_EVIDENCE_SUBMITTED;
        const struct escrow_said said = {
            .verdict = resolves ? &fake->verdicts[verdicts++] : NULL,
            .evidence = shows ? &fake->evidence[evidence++] : NULL,
        };
        head = escrow_chain_hash(transition, &fake->transfers[at], said);
        assert_true(hash_eq(&transition->hash, &head));
        assert_int_equal(transition->from_state, state);
        state = transition->to_state;
        for (int t = 0; t < transition->transfer_count; t++, at++) {
            assert_int_equal(fake->transfers[at].seq, transition->seq);
            assert_int_equal(fake->transfers[at].ordinal, t);
        }
    }
    assert_int_equal(at, fake->rows.transfer_count);
    assert_int_equal(verdicts, fake->rows.verdict_count);
    assert_int_equal(evidence, fake->rows.evidence_count);
    assert_true(hash_eq(&fake->rows.escrow.chain_head, &head));
    assert_int_equal(fake->rows.escrow.state, state);
}

void walk_check(struct walk *walk)
{
    struct engine_turn *fake = walk->fake;
    for (; walk->records_seen < fake->rows.record_count; walk->records_seen++) {
        const struct fake_record *record = &fake->records[walk->records_seen];
        if (record->topic == TOPIC_ESCROW_EVENTS_V1) {
            take_event(walk, record);
        } else if (record->topic == TOPIC_PAYMENTS_COMMANDS_V1) {
            take_request(walk, record);
        } else {
            assert_int_equal(record->topic, TOPIC_ORACLE_COMMANDS_V1);
            walk_take_timer(walk, record);
        }
    }
    check_promises(walk);
    if (!fake->rows.exists) {
        return;
    }
    check_money(walk);
    walk_check_milestones(walk);
    walk_check_clock(walk);
    assert_int_equal(fake->rows.escrow.seq, walk->last_seq);
    enum escrow_state state = fake->rows.escrow.state;
    if (walk->final_state != ESCROW_NONE) {
        assert_int_equal(state, walk->final_state);
    } else if (escrow_state_is_final(state)) {
        walk->final_state = state;
    }
}
