/*
 * Random lives of escrows, through the real handlers. A provider of the mind keeps its own ledger of
 * real money, leg by leg; the escrow's rows, transfers, events and requests are held against it
 * after every message. SEED=n repeats a run, DEALS=n makes it longer.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/random.h"
#include "escrow/escrow_chain.h"
#include "escrow/escrow_fake.h"
#include "escrow/escrow_fixture.h"
#include "escrow/escrow_records.h"
#include "holdfast/escrow/v1/events.pb-c.h"
#include "holdfast/payments/v1/commands.pb-c.h"
#include "testing/testing_env.h"
#include "wire/wire.h"

#define LEGS_MAX 256
#define NEWS_MAX 256
#define STEPS_PER_DEAL 60

enum leg_kind { LEG_IN = 0, LEG_TRANSFER, LEG_REFUND };

enum leg_state { LEG_OPEN = 0, LEG_DONE, LEG_FAILED };

/* One operation at the provider. */
struct leg {
    struct id id;
    enum leg_kind kind;
    enum leg_state state;
    int64_t amount_minor; /* asked; of an in leg that is done: what came */
    bool foreign;         /* what came is not in USD */
    struct id paid_leg_id;
};

struct walk {
    struct random random;
    struct engine_turn *fake;
    struct id escrow_id;
    int64_t price_minor;
    struct leg legs[LEGS_MAX];
    uint32_t leg_count;
    struct escrow_message news[NEWS_MAX]; /* all that was told, to be told again */
    uint32_t news_count;
    uint32_t records_seen;
    enum escrow_state final_state; /* ESCROW_NONE until one is reached */
    int64_t last_seq;
    /* over all deals */
    uint64_t states_seen[ESCROW_STATE_COUNT];
    uint64_t events_seen[ESCROW_EVENT_COUNT];
    uint64_t rejections_seen;
    uint64_t replays_seen;
    uint64_t sent_back_seen;
};

static struct id random_id(struct walk *walk)
{
    struct id id;
    for (size_t i = 0; i < sizeof(id.bytes); i++) {
        id.bytes[i] = (uint8_t)random_next(&walk->random);
    }
    return id;
}

static bool chance(struct walk *walk, uint64_t percent)
{
    return random_below(&walk->random, 100) < percent;
}

/* ---- The provider's own ledger ---- */

static struct leg *find_leg(struct walk *walk, struct id id)
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

/* Money that came in the deal's currency, or went out. */
static int64_t provider_sum(const struct walk *walk, enum leg_kind kind)
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
    assert_true(transfers <= 1);
    assert_true(promised_minor <= provider_sum(walk, LEG_IN));
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
        assert_int_equal(amount->amount_minor, walk->price_minor);
    } else if (command->body_case ==
               HOLDFAST__PAYMENTS__V1__PAYMENTS_COMMAND__BODY_TRANSFER_TO_SELLER) {
        leg.kind = LEG_TRANSFER;
        leg_id = command->transfer_to_seller->leg_id;
        paid_leg_id = command->transfer_to_seller->paid_leg_id;
        amount = command->transfer_to_seller->amount;
        assert_int_equal(amount->amount_minor, walk->price_minor);
    } else {
        leg.kind = LEG_REFUND;
        leg_id = command->refund_buyer->leg_id;
        paid_leg_id = command->refund_buyer->paid_leg_id;
        amount = command->refund_buyer->amount;
    }
    if (leg.kind != LEG_IN) {
        assert_false(status_failed(wire_id(op, "paid_leg_id", paid_leg_id, &leg.paid_leg_id)));
        assert_non_null(find_leg(walk, leg.paid_leg_id));
    }
    leg.amount_minor = amount->amount_minor;
    assert_false(status_failed(wire_id(op, "leg_id", leg_id, &leg.id)));
    assert_null(find_leg(walk, leg.id)); /* every leg is new: its id is an idempotency key */
    assert_true(walk->leg_count < LEGS_MAX);
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
    int64_t in_minor = provider_sum(walk, LEG_IN);
    int64_t seller_minor = provider_sum(walk, LEG_TRANSFER);
    int64_t buyer_minor = provider_sum(walk, LEG_REFUND);
    assert_int_equal(escrow->received_minor, in_minor);
    assert_int_equal(escrow->paid_out_minor, seller_minor);
    assert_int_equal(escrow->refunded_minor, buyer_minor);
    assert_true(seller_minor == 0 || seller_minor == walk->price_minor);

    struct sums sums = sum_transfers(walk, INT64_MAX);
    int64_t foreign_minor = 0;
    for (uint32_t i = 0; i < walk->leg_count; i++) {
        const struct leg *leg = &walk->legs[i];
        foreign_minor += leg->state == LEG_DONE && leg->foreign ? leg->amount_minor : 0;
    }
    assert_int_equal(sums.of[ESCROW_ACCOUNT_PSP_CLEAR], in_minor - seller_minor - buyer_minor);
    assert_int_equal(sums.of[ESCROW_ACCOUNT_ESCROW_IN], 0);
    assert_int_equal(sums.of[ESCROW_ACCOUNT_ESCROW_HELD], escrow->held_minor);
    assert_int_equal(sums.of[ESCROW_ACCOUNT_DUE_SELLER], escrow->due_seller_minor);
    assert_int_equal(sums.of[ESCROW_ACCOUNT_DUE_BUYER], escrow->due_buyer_minor);
    assert_int_equal(sums.of[ESCROW_ACCOUNT_SUSPENSE], escrow->suspense_minor);
    assert_int_equal(sums.foreign_suspense, foreign_minor);
    assert_int_equal(escrow->foreign_money, foreign_minor > 0);
    int64_t kept_minor = escrow->held_minor + escrow->suspense_minor + escrow->due_seller_minor +
                         escrow->due_buyer_minor;
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
    if (transition->event == ESCROW_EVENT_RELEASE_STARTED) {
        assert_true(buyer);
    } else if (transition->event == ESCROW_EVENT_REFUND_STARTED) {
        assert_true(seller || staff);
    } else if (transition->event == ESCROW_EVENT_DELIVERED) {
        assert_true(seller);
    } else if (transition->event == ESCROW_EVENT_PAYOUT_RETRIED) {
        assert_true(staff);
    } else if (transition->event == ESCROW_EVENT_RELEASED) {
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
    struct sums sums = sum_transfers(walk, event->seq);
    assert_int_equal(event->balances->in_minor, sums.of[ESCROW_ACCOUNT_ESCROW_IN]);
    assert_int_equal(event->balances->held_minor, sums.of[ESCROW_ACCOUNT_ESCROW_HELD]);
    assert_int_equal(event->balances->due_seller_minor, sums.of[ESCROW_ACCOUNT_DUE_SELLER]);
    assert_int_equal(event->balances->due_buyer_minor, sums.of[ESCROW_ACCOUNT_DUE_BUYER]);
    assert_int_equal(event->balances->received_minor - event->balances->paid_out_minor -
                         event->balances->refunded_minor,
                     sums.of[ESCROW_ACCOUNT_PSP_CLEAR]);
    walk->events_seen[transition->event]++;
    walk->states_seen[transition->to_state]++;
}

/* Anyone can recompute the chain from the rows. */
static void check_chain(const struct walk *walk)
{
    const struct engine_turn *fake = walk->fake;
    struct hash head = escrow_chain_root(&fake->rows.escrow);
    enum escrow_state state = ESCROW_NONE;
    uint32_t at = 0;
    for (uint32_t i = 0; i < fake->rows.transition_count; i++) {
        const struct escrow_transition *transition = &fake->transitions[i];
        assert_true(hash_eq(&transition->prev_hash, &head));
        head = escrow_chain_hash(transition, &fake->transfers[at]);
        assert_true(hash_eq(&transition->hash, &head));
        assert_int_equal(transition->from_state, state);
        state = transition->to_state;
        for (int t = 0; t < transition->transfer_count; t++, at++) {
            assert_int_equal(fake->transfers[at].seq, transition->seq);
            assert_int_equal(fake->transfers[at].ordinal, t);
        }
    }
    assert_int_equal(at, fake->rows.transfer_count);
    assert_true(hash_eq(&fake->rows.escrow.chain_head, &head));
    assert_int_equal(fake->rows.escrow.state, state);
}

static void check_everything(struct walk *walk)
{
    struct engine_turn *fake = walk->fake;
    for (; walk->records_seen < fake->rows.record_count; walk->records_seen++) {
        const struct fake_record *record = &fake->records[walk->records_seen];
        if (record->topic == TOPIC_ESCROW_EVENTS_V1) {
            take_event(walk, record);
        } else {
            assert_int_equal(record->topic, TOPIC_PAYMENTS_COMMANDS_V1);
            take_request(walk, record);
        }
    }
    check_promises(walk);
    if (!fake->rows.exists) {
        return;
    }
    check_money(walk);
    assert_int_equal(fake->rows.escrow.seq, walk->last_seq);
    enum escrow_state state = fake->rows.escrow.state;
    if (walk->final_state != ESCROW_NONE) {
        assert_int_equal(state, walk->final_state);
    } else if (escrow_state_is_final(state)) {
        walk->final_state = state;
    }
}

/* ---- Moves ---- */

static void send_command(struct walk *walk, const struct escrow_message *message)
{
    struct str value;
    uint32_t before = walk->fake->rows.record_count;
    assert_false(status_failed(records_command(&walk->fake->op, message, random_id(walk), &value)));
    struct status st = fake_deliver(walk->fake, TOPIC_ESCROW_COMMANDS_V1, walk->escrow_id, value);
    assert_false(status_failed(st));
    assert_true(walk->fake->rows.record_count > before); /* whoever asked gets an answer */
    check_everything(walk);
}

static void tell(struct walk *walk, const struct escrow_message *message)
{
    struct str value;
    assert_false(status_failed(records_news(&walk->fake->op, message, random_id(walk), &value)));
    struct status st = fake_deliver(walk->fake, TOPIC_PAYMENTS_EVENTS_V1, walk->escrow_id, value);
    if (!walk->fake->rows.exists) {
        assert_int_equal(st.kind, STATUS_NOT_FOUND);
        return;
    }
    if (status_failed(st)) {
        fail_msg("%s in %s: %s", escrow_message_name(message->kind),
                 escrow_state_name(walk->fake->rows.escrow.state), walk->fake->op.err.code);
    }
    check_everything(walk);
}

static struct escrow_message command_by(struct walk *walk, enum escrow_message_kind kind,
                                        uint64_t who)
{
    const struct engine_actor actors[] = {
        {ENGINE_ACTOR_USER, FIXTURE_BUYER},    {ENGINE_ACTOR_USER, FIXTURE_SELLER},
        {ENGINE_ACTOR_STAFF, FIXTURE_STAFF},   {ENGINE_ACTOR_MARKETPLACE, FIXTURE_MARKETPLACE},
        {ENGINE_ACTOR_USER, FIXTURE_STRANGER}, {ENGINE_ACTOR_MARKETPLACE, FIXTURE_STRANGER},
        {ENGINE_ACTOR_STAFF, FIXTURE_BUYER},
    };
    struct escrow_message message = fixture_message(kind);
    message.escrow_id = walk->escrow_id;
    message.actor = actors[who];
    message.terms.price_minor = walk->price_minor;
    return message;
}

#define ACTORS 7

static void random_command(struct walk *walk)
{
    /* Who usually sends it; half of the time it is anybody. */
    static const uint64_t usual[] = {
        [ESCROW_CREATE] = 3, [ESCROW_MARK_DELIVERED] = 1, [ESCROW_RELEASE] = 0,
        [ESCROW_CANCEL] = 0, [ESCROW_REFUND] = 1,         [ESCROW_RETRY_PAYOUT] = 2};
    enum escrow_message_kind kind = ESCROW_CREATE + (uint32_t)random_below(&walk->random, 6);
    if ((kind == ESCROW_CANCEL || kind == ESCROW_REFUND) && chance(walk, 70)) {
        kind = chance(walk, 50) ? ESCROW_MARK_DELIVERED : ESCROW_RELEASE;
    }
    uint64_t who = chance(walk, 50) ? usual[kind] : random_below(&walk->random, ACTORS);
    struct escrow_message message = command_by(walk, kind, who);
    if (kind == ESCROW_CREATE && chance(walk, 20)) {
        message.terms.price_minor = chance(walk, 50) ? 0 : ESCROW_PRICE_MAX_MINOR + 1;
    }
    send_command(walk, &message);
}

static void news_of_in_leg(struct walk *walk, struct leg *leg, struct escrow_message *message)
{
    uint64_t what = random_below(&walk->random, 100);
    message->kind = ESCROW_PAYMENT_SUCCEEDED;
    message->currency = STR("USD");
    message->amount_minor = leg->amount_minor;
    if (what < 35) {
        message->kind = ESCROW_INTENT_CREATED;
        return;
    }
    if (what < 45) {
        message->kind = ESCROW_PAYMENT_FAILED;
        message->stage = ESCROW_STAGE_CHARGE;
        return;
    }
    if (what < 55) {
        message->kind = chance(walk, 60) ? ESCROW_PAYMENT_FAILED : ESCROW_PAYMENT_CANCELED;
        message->stage = ESCROW_STAGE_SETUP;
        leg->state = LEG_FAILED;
        return;
    }
    leg->state = LEG_DONE;
    if (what < 68) {
        message->amount_minor = 1 + (int64_t)random_below(&walk->random, 20000);
    } else if (what < 72) {
        message->currency = STR("EUR");
        leg->foreign = true;
    }
    leg->amount_minor = message->amount_minor;
}

/* An outgoing leg that failed and that nobody has replaced; a refund that a bank may send back. */
static bool may_change_again(const struct walk *walk, const struct leg *leg)
{
    const struct fake_rows *rows = &walk->fake->rows;
    bool last =
        id_eq(leg->id, rows->escrow.payout_leg_id) || id_eq(leg->id, rows->escrow.refund_leg_id);
    for (uint32_t i = 0; i < rows->suspense_count; i++) {
        last = last || id_eq(leg->id, rows->suspense[i].refund_leg_id);
    }
    return (leg->kind == LEG_REFUND && leg->state == LEG_DONE) ||
           (leg->kind != LEG_IN && leg->state == LEG_FAILED && last);
}

static void news_of_out_leg(struct walk *walk, struct leg *leg, struct escrow_message *message)
{
    if (leg->state == LEG_DONE && id_eq(leg->id, walk->fake->rows.escrow.refund_leg_id)) {
        walk->final_state = ESCROW_NONE; /* the price comes back */
    }
    walk->sent_back_seen += leg->state == LEG_DONE ? 1 : 0;
    bool done = leg->state == LEG_FAILED || (leg->state == LEG_OPEN && chance(walk, 60));
    leg->state = done ? LEG_DONE : LEG_FAILED;
    message->amount_minor = leg->amount_minor;
    if (leg->kind == LEG_TRANSFER) {
        message->kind = done ? ESCROW_TRANSFER_SUCCEEDED : ESCROW_TRANSFER_FAILED;
    } else {
        message->kind = done ? ESCROW_REFUND_SUCCEEDED : ESCROW_REFUND_FAILED;
    }
}

static void random_news(struct walk *walk)
{
    if (walk->news_count > 0 && chance(walk, 12)) { /* a second time, under another id */
        const struct escrow_message *old =
            &walk->news[random_below(&walk->random, walk->news_count)];
        bool failed = old->kind == ESCROW_TRANSFER_FAILED || old->kind == ESCROW_REFUND_FAILED;
        bool may_be_overtaken = failed || old->kind == ESCROW_REFUND_SUCCEEDED;
        enum leg_state told = failed ? LEG_FAILED : LEG_DONE;
        if (!may_be_overtaken || find_leg(walk, old->leg_id)->state == told) {
            walk->replays_seen++;
            tell(walk, old);
        }
        return;
    }
    if (chance(walk, 4)) { /* a payment that nobody asked for */
        assert_true(walk->leg_count < LEGS_MAX);
        walk->legs[walk->leg_count++] =
            (struct leg){.id = random_id(walk), .kind = LEG_IN, .amount_minor = walk->price_minor};
    }
    struct leg *leg =
        walk->leg_count > 0 ? &walk->legs[random_below(&walk->random, walk->leg_count)] : NULL;
    if (!leg || (leg->state != LEG_OPEN && !(may_change_again(walk, leg) && chance(walk, 20)))) {
        return;
    }
    struct escrow_message message = {.escrow_id = walk->escrow_id,
                                     .actor = {.kind = ENGINE_ACTOR_SYSTEM},
                                     .leg_id = leg->id,
                                     .text = STR("declined")};
    struct leg before = *leg;
    if (leg->kind == LEG_IN) {
        news_of_in_leg(walk, leg, &message);
    } else {
        news_of_out_leg(walk, leg, &message);
    }
    tell(walk, &message);
    if (!walk->fake->rows.exists) {
        *leg = before; /* the engine keeps such news until the escrow is there */
        return;
    }
    assert_true(walk->news_count < NEWS_MAX);
    walk->news[walk->news_count++] = message;
}

/* Stops failing, tells everything, retries: at the end nothing may be left over. */
static void settle(struct walk *walk)
{
    if (!walk->fake->rows.exists) {
        return;
    }
    for (uint32_t round = 0; round < 40; round++) {
        for (uint32_t i = 0; i < walk->leg_count; i++) {
            struct leg *leg = &walk->legs[i];
            if (leg->kind == LEG_IN || leg->state != LEG_OPEN) {
                continue;
            }
            leg->state = LEG_DONE;
            struct escrow_message message = {
                .kind =
                    leg->kind == LEG_TRANSFER ? ESCROW_TRANSFER_SUCCEEDED : ESCROW_REFUND_SUCCEEDED,
                .escrow_id = walk->escrow_id,
                .actor = {.kind = ENGINE_ACTOR_SYSTEM},
                .leg_id = leg->id,
                .amount_minor = leg->amount_minor,
            };
            tell(walk, &message);
        }
        struct escrow_message retry = command_by(walk, ESCROW_RETRY_PAYOUT, 2);
        send_command(walk, &retry);
    }
    const struct escrow *escrow = &walk->fake->rows.escrow;
    assert_int_equal(escrow->due_seller_minor + escrow->due_buyer_minor, 0);
    assert_int_equal(escrow->payout_failed_minor + escrow->refund_failed_minor, 0);
    assert_int_equal(escrow->held_minor, provider_sum(walk, LEG_IN) -
                                             provider_sum(walk, LEG_TRANSFER) -
                                             provider_sum(walk, LEG_REFUND));
}

static void one_deal(struct walk *walk)
{
    fake_init(walk->fake);
    walk->escrow_id = random_id(walk);
    walk->price_minor = 1 + (int64_t)random_below(&walk->random, 20000);
    walk->leg_count = 0;
    walk->news_count = 0;
    walk->records_seen = 0;
    walk->final_state = ESCROW_NONE;
    walk->last_seq = 0;
    for (uint32_t i = 0; i < STEPS_PER_DEAL; i++) {
        walk->fake->op.now_us += (int64_t)random_below(&walk->random, 1000000);
        if (chance(walk, 45)) {
            random_command(walk);
        } else {
            random_news(walk);
        }
    }
    settle(walk);
    if (walk->fake->rows.exists) {
        check_chain(walk);
    }
    fake_fini(walk->fake);
}

static void random_lives_keep_every_invariant(void **state)
{
    (void)state;
    static struct engine_turn fake;
    static struct walk walk;
    int64_t deals = testing_env_i64("DEALS", 400);
    walk = (struct walk){.random = random_seeded(testing_env_seed(1)), .fake = &fake};
    for (int64_t i = 0; i < deals; i++) {
        one_deal(&walk);
    }
    for (enum escrow_state s = ESCROW_CREATED; s < ESCROW_STATE_COUNT; s++) {
        print_message("%-12s %" PRIu64 "\n", escrow_state_name(s), walk.states_seen[s]);
        assert_true(walk.states_seen[s] > 0 || deals < 400);
    }
    for (enum escrow_event e = ESCROW_EVENT_CREATED; e < ESCROW_EVENT_COUNT; e++) {
        print_message("%-22s %" PRIu64 "\n", escrow_event_name(e), walk.events_seen[e]);
        assert_true(walk.events_seen[e] > 0 || deals < 400);
    }
    print_message("%" PRIu64 " rejections, %" PRIu64 " replays\n", walk.rejections_seen,
                  walk.replays_seen);
    assert_true(walk.rejections_seen > 0 && walk.replays_seen > 0 && walk.sent_back_seen > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_lives_keep_every_invariant)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
