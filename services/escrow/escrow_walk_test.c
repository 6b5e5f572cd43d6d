/*
 * Random lives of escrows, through the real handlers. A provider of the mind keeps its own ledger of
 * real money, leg by leg, and an oracle of the mind its timers; the escrow's rows, transfers, events
 * and commands are held against both after every message. SEED=n repeats a run, DEALS=n makes it longer.
 */
#include "escrow/testing/escrow_walk.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "escrow/testing/escrow_fixture.h"
#include "escrow/testing/escrow_records.h"
#include "testing/testing_env.h"

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

/* ---- Moves ---- */

static void send_command(struct walk *walk, const struct escrow_message *message)
{
    struct str value;
    uint32_t before = walk->fake->rows.record_count;
    assert_false(status_failed(records_command(&walk->fake->op, message, random_id(walk), &value)));
    struct status st = fake_deliver(walk->fake, TOPIC_ESCROW_COMMANDS_V1, walk->escrow_id, value);
    assert_false(status_failed(st));
    assert_true(walk->fake->rows.record_count > before); /* whoever asked gets an answer */
    walk_check(walk);
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
    walk_check(walk);
}

/* Mostly of what is held, and the offer that is open. */
static void draw_split(struct walk *walk, struct escrow_message *message)
{
    const struct escrow *escrow = &walk->fake->rows.escrow;
    int64_t kept_minor = escrow_kept_minor(escrow) + (chance(walk, 5) ? 1 : 0);
    message->seller_minor = chance(walk, 10)
                                ? kept_minor * (int64_t)random_below(&walk->random, 2)
                                : (int64_t)random_below(&walk->random, (uint64_t)kept_minor + 1);
    message->buyer_minor = kept_minor - message->seller_minor;
    message->number = escrow->split_count - (chance(walk, 10) ? 1 : 0);
}

/* Mostly one that there is; at times none is named, or one beyond. */
static int64_t draw_number(struct walk *walk)
{
    int64_t number = (int64_t)random_below(&walk->random, walk->milestone_count + 1);
    return chance(walk, 3) ? (int64_t)walk->milestone_count + 1 : number;
}

/* Mostly of the open dispute, signed where an arbiter does it; at times signed before something else happened, or by staff. */
static void draw_verdict(struct walk *walk, struct escrow_message *message)
{
    bool by_staff = message->actor.kind == ENGINE_ACTOR_STAFF;
    message->number = walk->fake->rows.dispute_count;
    if (!by_staff || chance(walk, 5)) {
        walk->signer.escrow.id = walk->escrow_id;
        walk->signer.escrow.chain_head = walk->fake->rows.escrow.chain_head;
        walk->signer.escrow.chain_head.bytes[0] ^= chance(walk, 10) ? 1 : 0;
        fixture_sign(&walk->signer, message);
        message->text = chance(walk, 30) ? STR("another reason") : message->text;
    }
}

static struct escrow_message command_by(struct walk *walk, enum escrow_message_kind kind,
                                        uint64_t who)
{
    const struct engine_actor actors[] = {
        {ENGINE_ACTOR_USER, FIXTURE_BUYER},    {ENGINE_ACTOR_USER, FIXTURE_SELLER},
        {ENGINE_ACTOR_STAFF, FIXTURE_STAFF},   {ENGINE_ACTOR_MARKETPLACE, FIXTURE_MARKETPLACE},
        {ENGINE_ACTOR_USER, FIXTURE_STRANGER}, {ENGINE_ACTOR_MARKETPLACE, FIXTURE_STRANGER},
        {ENGINE_ACTOR_STAFF, FIXTURE_BUYER},   {ENGINE_ACTOR_USER, FIXTURE_ARBITER},
    };
    struct escrow_message message = fixture_message(kind);
    message.escrow_id = walk->escrow_id;
    message.actor = actors[who];
    message.terms.price_minor = walk->price_minor;
    message.terms.fees = walk->fees;
    if (walk->with_arbiter) {
        message.terms.arbiter_id = FIXTURE_ARBITER;
        message.terms.arbiter_key = walk->signer.escrow.arbiter_key;
    }
    /* Mostly a small part, at times all, or nothing. */
    message.amount_minor =
        chance(walk, 90) ? 1 + (int64_t)random_below(&walk->random, (uint64_t)walk->price_minor)
                         : walk->price_minor * (int64_t)random_below(&walk->random, 2);
    message.amount_minor /= chance(walk, 70) ? 4 : 1;
    draw_split(walk, &message);
    message.terms.milestones = walk->milestone_terms;
    message.terms.milestone_count = walk->milestone_count;
    bool of_one = kind == ESCROW_REFUND && chance(walk, 70);
    if (kind == ESCROW_MARK_DELIVERED || kind == ESCROW_RELEASE || kind == ESCROW_REJECT_DELIVERY ||
        of_one) {
        message.number = draw_number(walk);
    }
    if (kind == ESCROW_RESOLVE_DISPUTE) {
        draw_verdict(walk, &message);
    }
    if (kind == ESCROW_SUBMIT_EVIDENCE) { /* mostly small; at times too much of it */
        message.size_bytes = chance(walk, 70) ? 1 + (int64_t)random_below(&walk->random, 100000)
                                              : ESCROW_EVIDENCE_MAX_BYTES;
        message.size_bytes += chance(walk, 5) ? ESCROW_EVIDENCE_MAX_BYTES : 0;
    }
    return message;
}

#define ACTORS 8

static void random_command(struct walk *walk)
{
    /* Who usually sends it; half of the time it is anybody. */
    static const uint64_t usual[] = {
        [ESCROW_CREATE] = 3,           [ESCROW_MARK_DELIVERED] = 1,  [ESCROW_RELEASE] = 0,
        [ESCROW_CANCEL] = 0,           [ESCROW_REFUND] = 1,          [ESCROW_RETRY_PAYOUT] = 2,
        [ESCROW_REJECT_DELIVERY] = 0,  [ESCROW_ACCEPT_RETURN] = 1,   [ESCROW_RAISE_DISPUTE] = 0,
        [ESCROW_WITHDRAW_DISPUTE] = 0, [ESCROW_RELEASE_PART] = 0,    [ESCROW_PROPOSE_SPLIT] = 0,
        [ESCROW_ACCEPT_SPLIT] = 1,     [ESCROW_RESOLVE_DISPUTE] = 7, [ESCROW_SUBMIT_EVIDENCE] = 1,
        [ESCROW_WITHDRAW_SPLIT] = 0};
    enum escrow_message_kind kind =
        ESCROW_CREATE + (uint32_t)random_below(&walk->random, sizeof(usual) / sizeof(usual[0]) - 1);

    /* What ends or stops a deal is rarer than what brings it on. */
    static const enum escrow_message_kind on[] = {
        ESCROW_MARK_DELIVERED, ESCROW_MARK_DELIVERED, ESCROW_RELEASE,     ESCROW_REJECT_DELIVERY,
        ESCROW_ACCEPT_RETURN,  ESCROW_RELEASE_PART,   ESCROW_RELEASE_PART};

    bool stops = kind == ESCROW_CANCEL || kind == ESCROW_REFUND || kind == ESCROW_RAISE_DISPUTE;
    if (stops && chance(walk, 70)) {
        kind = on[random_below(&walk->random, sizeof(on) / sizeof(on[0]))];
    }
    const struct escrow *now = &walk->fake->rows.escrow;
    if (now->held_minor > 0 && chance(walk, 8)) {
        kind = ESCROW_RAISE_DISPUTE;
    } else if (now->disputed_minor > 0 && chance(walk, 60)) { /* what is seldom else */
        kind = now->state == ESCROW_ESCALATED && chance(walk, 60) ? ESCROW_RESOLVE_DISPUTE
                                                                  : ESCROW_SUBMIT_EVIDENCE;
    }
    uint64_t who = chance(walk, 50) ? usual[kind] : random_below(&walk->random, ACTORS);
    struct escrow_message message = command_by(walk, kind, who);
    if (kind == ESCROW_CREATE && chance(walk, 20)) {
        message.terms.price_minor = chance(walk, 50) ? 0 : ESCROW_PRICE_MAX_MINOR + 1;
    } else if (kind == ESCROW_CREATE && chance(walk, 10)) {
        message.terms.fees.seller.fixed_minor = walk->price_minor; /* nothing for the seller */
    } else if (kind == ESCROW_CREATE && chance(walk, 10)) {
        message.terms.milestone_count = walk->milestone_count > 0 ? 1 : 0; /* not the price */
    }
    walk->number_asked = message.number;
    walk->part_asked_minor = message.amount_minor;
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
    for (uint32_t i = 0; i < rows->part_count; i++) {
        last = last || id_eq(leg->id, rows->parts[i].leg_id);
    }
    for (uint32_t i = 0; i < rows->suspense_count; i++) {
        last = last || id_eq(leg->id, rows->suspense[i].refund_leg_id);
    }
    return (leg->kind == LEG_REFUND && leg->state == LEG_DONE) ||
           (leg->kind != LEG_IN && leg->state == LEG_FAILED && last);
}

/* A refund of what was left of the price, or of a part of it. */
static bool is_of_price(const struct walk *walk, const struct leg *leg)
{
    const struct fake_rows *rows = &walk->fake->rows;
    bool found = id_eq(leg->id, rows->escrow.refund_leg_id);
    for (uint32_t i = 0; i < rows->part_count; i++) {
        found = found || (rows->parts[i].to_buyer && id_eq(leg->id, rows->parts[i].leg_id));
    }
    return found;
}

static void news_of_out_leg(struct walk *walk, struct leg *leg, struct escrow_message *message)
{
    if (leg->state == LEG_DONE && is_of_price(walk, leg)) {
        walk->final_state = ESCROW_NONE; /* the price, or a part of it, comes back */
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
        if (!may_be_overtaken || walk_find_leg(walk, old->leg_id)->state == told) {
            walk->replays_seen++;
            tell(walk, old);
        }
        return;
    }
    if (chance(walk, 4)) { /* a payment that nobody asked for */
        assert_true(walk->leg_count < WALK_LEGS_MAX);
        walk->legs[walk->leg_count++] = (struct leg){
            .id = random_id(walk), .kind = LEG_IN, .amount_minor = walk->buyer_pays_minor};
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
    assert_true(walk->news_count < WALK_NEWS_MAX);
    walk->news[walk->news_count++] = message;
}

static void fire(struct walk *walk, struct walk_timer *timer)
{
    bool ran = timer->open;
    int64_t now_us = walk->fake->op.now_us;
    uint32_t before = walk->fake->rows.record_count;
    struct escrow_message message = {
        .kind = ESCROW_TIMER_FIRED,
        .escrow_id = walk->escrow_id,
        .actor = {.kind = ENGINE_ACTOR_SYSTEM},
        .timer = timer->kind,
        .generation = timer->generation,
        .fired_at_us = now_us > timer->due_at_us ? now_us : timer->due_at_us,
    };
    struct str value;
    assert_false(status_failed(records_firing(&walk->fake->op, &message, random_id(walk), &value)));
    timer->open = false;
    walk->fake->op.now_us = message.fired_at_us;
    struct status st = fake_deliver(walk->fake, TOPIC_ORACLE_EVENTS_V1, walk->escrow_id, value);
    assert_false(status_failed(st));
    /* What ran ends its state; what is stale is heard by nobody. */
    assert_int_equal(walk->fake->rows.record_count > before, ran);
    walk->firings_seen += ran ? 1 : 0;
    walk->stale_firings_seen += ran ? 0 : 1;
    walk_check(walk);
}

/* What runs, or anything that was ever set: firings cross what stops their clock. */
static void random_firing(struct walk *walk)
{
    struct walk_timer *timer = walk_open_timer(walk);
    if (walk->timer_count > 0 && (!timer || chance(walk, 60))) {
        timer = &walk->timers[random_below(&walk->random, walk->timer_count)];
    }
    if (timer) {
        fire(walk, timer);
    }
}

/* Stops failing, tells everything, retries, lets time pass: at the end nothing may be left over. */
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
        if (walk_open_timer(walk)) {
            fire(walk, walk_open_timer(walk));
        }
    }
    const struct escrow *escrow = &walk->fake->rows.escrow;
    assert_int_equal(escrow->due_seller_minor + escrow->due_buyer_minor, 0);
    assert_int_equal(escrow->payout_failed_minor + escrow->refund_failed_minor, 0);
    assert_int_equal(escrow->held_minor, 0);
    /* Whoever does nothing at all: every deal that could be paid ends. */
    assert_true(escrow->state == ESCROW_CREATED || escrow_state_is_final(escrow->state));
}

static int64_t fee_of(const struct walk *walk, struct fee_rate rate)
{
    return walk->price_minor * rate.basis_points / 10000 + rate.fixed_minor;
}

/* Half of the deals have fees. */
static void draw_terms(struct walk *walk)
{
    walk->with_arbiter = chance(walk, 70);
    walk->price_minor = 1 + (int64_t)random_below(&walk->random, 20000);
    walk->fees = (struct fee_terms){.buyer_refundable = chance(walk, 50)};
    if (chance(walk, 50)) {
        walk->fees.buyer = (struct fee_rate){(int64_t)random_below(&walk->random, 1000),
                                             (int64_t)random_below(&walk->random, 50)};
        walk->fees.seller = (struct fee_rate){(int64_t)random_below(&walk->random, 1000),
                                              (int64_t)random_below(&walk->random, 50)};
    }
    if (fee_of(walk, walk->fees.seller) >= walk->price_minor) {
        walk->fees.seller = (struct fee_rate){0};
    }
    walk->buyer_pays_minor = walk->price_minor + fee_of(walk, walk->fees.buyer);
    walk->seller_gets_minor = walk->price_minor - fee_of(walk, walk->fees.seller);
}

/* A third of the deals that are worth it are agreed to in pieces, of which some are small. */
static void draw_milestones(struct walk *walk)
{
    walk->milestone_count = 0;
    memset(walk->milestones, 0, sizeof(walk->milestones));
    if (!chance(walk, 33) || walk->price_minor < 1000) {
        return;
    }
    int64_t left_minor = walk->price_minor;
    walk->milestone_count = 2 + (uint32_t)random_below(&walk->random, WALK_MILESTONES_MAX - 1);
    for (uint32_t i = 0; i < walk->milestone_count; i++) {
        int64_t most_minor = left_minor / 2 - 50;
        int64_t amount_minor = 50 + (int64_t)random_below(&walk->random, (uint64_t)most_minor);
        if (i + 1 == walk->milestone_count) {
            amount_minor = left_minor;
        }
        walk->milestone_terms[i] =
            (struct escrow_milestone_terms){.title = STR("a piece"), .amount_minor = amount_minor};
        walk->milestones[i + 1].price_minor = amount_minor;
        left_minor -= amount_minor;
    }
}

static void one_deal(struct walk *walk)
{
    fake_init(walk->fake);
    walk->escrow_id = random_id(walk);
    draw_terms(walk);
    draw_milestones(walk);
    walk->leg_count = 0;
    walk->news_count = 0;
    walk->timer_count = 0;
    walk->records_seen = 0;
    walk->final_state = ESCROW_NONE;
    walk->last_seq = 0;
    walk->released_minor = walk->returned_minor = walk->payout_minor = 0;
    walk->part_count = 0;
    walk->offer = (struct walk_offer){.number = 0};
    walk->offers = 0;
    walk->evidence_count = 0;
    walk->agreed = walk->by_verdict = false;
    for (uint32_t i = 0; i < WALK_STEPS_PER_DEAL; i++) {
        walk->fake->op.now_us += (int64_t)random_below(&walk->random, 1000000);
        if (walk->fake->rows.escrow.state == ESCROW_ESCALATED && chance(walk, 10)) {
            walk->fake->op.now_us += (int64_t)ESCROW_ARBITER_SECONDS * 1000000;
        }
        if (chance(walk, 4)) {
            random_firing(walk);
        } else if (chance(walk, 45)) {
            random_command(walk);
        } else {
            random_news(walk);
        }
    }
    settle(walk);
    if (walk->fake->rows.exists) {
        walk_check_chain(walk);
    }
    fake_fini(walk->fake);
}

static void random_lives_keep_every_invariant(void **state)
{
    (void)state;
    static struct engine_turn fake;
    static struct walk walk;
    int64_t deals = testing_env_i64("DEALS", 1000);
    walk = (struct walk){.random = random_seeded(testing_env_seed(1)), .fake = &fake};
    fixture_init(&walk.signer, ESCROW_ESCALATED);
    fixture_add_arbiter(&walk.signer);
    for (int64_t i = 0; i < deals; i++) {
        one_deal(&walk);
    }
    for (enum escrow_state s = ESCROW_CREATED; s < ESCROW_STATE_COUNT; s++) {
        print_message("%-12s %" PRIu64 "\n", escrow_state_name(s), walk.states_seen[s]);
        assert_true(walk.states_seen[s] > 0 || deals < 1000);
    }
    for (enum escrow_event e = ESCROW_EVENT_CREATED; e < ESCROW_EVENT_COUNT; e++) {
        print_message("%-22s %" PRIu64 "\n", escrow_event_name(e), walk.events_seen[e]);
        assert_true(walk.events_seen[e] > 0 || deals < 1000);
    }
    print_message(
        "%" PRIu64 " rejections, %" PRIu64 " replays, %" PRIu64 " firings, %" PRIu64 " stale\n",
        walk.rejections_seen, walk.replays_seen, walk.firings_seen, walk.stale_firings_seen);
    assert_true(walk.rejections_seen > 0 && walk.replays_seen > 0 && walk.sent_back_seen > 0);
    assert_true(walk.firings_seen > 0 && walk.stale_firings_seen > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_lives_keep_every_invariant)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
