#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "payments/payments_repo.h"
#include "payments/payments_service.h"
#include "payments/payments_signal.h"
#include "wire/wire.h"

typedef Holdfast__Payments__V1__PaymentsCommand wire_command;
typedef Holdfast__Payments__V1__PaymentsEvent wire_event;

#define SEED 1 /* without rates the provider takes no chances */
#define SLOTS 8

static struct caller *connect(void *outside, uint32_t place)
{
    struct rig *rig = outside;
    (void)place;
    return sim_stripe_line_init(&rig->line, rig->stripe, SLOTS);
}

static void hang_up(void *outside, uint32_t place)
{
    struct rig *rig = outside;
    (void)place;
    sim_stripe_hang_up(&rig->line);
}

struct rig *rig_open(void)
{
    static const struct sim_outside_ops provider_line = {.connect = connect, .hang_up = hang_up};

    struct rig *rig = test_calloc(1, sizeof(*rig));
    assert_non_null(rig);
    rig->world = sim_world_open(SEED);
    rig->op = &rig->world->op;
    rig->service = sim_world_add(rig->world, &payments_service);
    rig->db = rig->world->services[rig->service].db;
    rig->place = (struct sim_place){
        .clock = &rig->world->clock, .kafka = rig->world->kafka, .dbs = {[SIM_PAYMENTS] = rig->db}};
    sim_intake_init(&rig->door, &rig->place, SIM_PAYMENTS);
    rig->stripe = sim_stripe_new(&rig->world->clock, SEED);
    sim_world_connect(rig->world, rig->service, &provider_line, rig);
    return rig;
}

void rig_start(struct rig *rig)
{
    rig->process = sim_world_start(rig->world, rig->service);
}

void rig_end(struct rig *rig)
{
    sim_world_kill(rig->process);
    rig->process = NULL;
}

void rig_close(struct rig *rig)
{
    sim_world_close(rig->world); /* its process hangs up */
    sim_stripe_free(rig->stripe);
    sim_intake_fini(&rig->door);
    test_free(rig);
}

void rig_step(struct rig *rig)
{
    sim_world_turn(rig->process);
    while (sim_stripe_step(rig->stripe, &rig->door)) {
    }
    sim_world_pass(rig->world, RIG_STEP_MS * 1000);
}

void rig_run_for(struct rig *rig, int64_t ms)
{
    for (int64_t spent = 0; spent < ms; spent += RIG_STEP_MS) {
        rig_step(rig);
    }
}

/* ---- What escrow and the provider's webhooks send ---- */

struct id rig_escrow(uint32_t number)
{
    char name[16];
    (void)snprintf(name, sizeof(name), "%u", number);
    return id_v5(id_namespace(STR("test/escrow")), str_of(name));
}

struct id rig_leg(struct id escrow, enum leg_number number)
{
    return id_nth(id_derive(escrow, SIM_WORLD_START_US), (uint32_t)number);
}

void rig_command(struct rig *rig, struct id escrow, wire_command *out)
{
    struct id id = id_random();
    struct engine_actor system = {.kind = ENGINE_ACTOR_SYSTEM};
    assert_int_equal(wire_meta_origin(rig->op, id, escrow, system, &out->meta).kind, STATUS_OK);
    assert_int_equal(wire_fill_id(rig->op, escrow, &out->escrow_id).kind, STATUS_OK);
    struct str value;
    assert_int_equal(wire_pack(rig->op, &out->base, &value).kind, STATUS_OK);
    struct bus_message message = {
        .topic = TOPIC_PAYMENTS_COMMANDS_V1,
        .n = SIM_WORLD_NEXT_N,
        .message_id = id,
        .type = STR("holdfast.payments.v1.Test"),
        .value = value,
    };
    sim_world_append(rig->world, message, escrow);
}

void rig_create(struct rig *rig, struct id escrow)
{
    wire_command out;
    holdfast__payments__v1__payments_command__init(&out);
    Holdfast__Payments__V1__CreatePaymentIntent body;
    holdfast__payments__v1__create_payment_intent__init(&body);
    out.body_case = HOLDFAST__PAYMENTS__V1__PAYMENTS_COMMAND__BODY_CREATE_PAYMENT_INTENT;
    out.create_payment_intent = &body;
    assert_int_equal(wire_fill_id(rig->op, rig_leg(escrow, LEG_PAY), &body.leg_id).kind, STATUS_OK);
    assert_int_equal(wire_fill_money(rig->op, CURRENCY_USD, RIG_AMOUNT, &body.amount).kind,
                     STATUS_OK);
    rig_command(rig, escrow, &out);
}

void rig_cancel(struct rig *rig, struct id escrow)
{
    wire_command out;
    holdfast__payments__v1__payments_command__init(&out);
    Holdfast__Payments__V1__CancelPayment body;
    holdfast__payments__v1__cancel_payment__init(&body);
    out.body_case = HOLDFAST__PAYMENTS__V1__PAYMENTS_COMMAND__BODY_CANCEL_PAYMENT;
    out.cancel_payment = &body;
    rig_command(rig, escrow, &out);
}

void rig_transfer(struct rig *rig, struct id escrow)
{
    wire_command out;
    holdfast__payments__v1__payments_command__init(&out);
    Holdfast__Payments__V1__TransferToSeller body;
    holdfast__payments__v1__transfer_to_seller__init(&body);
    char account[] = "acct_1";
    out.body_case = HOLDFAST__PAYMENTS__V1__PAYMENTS_COMMAND__BODY_TRANSFER_TO_SELLER;
    out.transfer_to_seller = &body;
    body.seller_account = account;
    assert_int_equal(wire_fill_id(rig->op, rig_leg(escrow, LEG_OUT), &body.leg_id).kind, STATUS_OK);
    assert_int_equal(wire_fill_id(rig->op, rig_leg(escrow, LEG_PAY), &body.paid_leg_id).kind,
                     STATUS_OK);
    assert_int_equal(wire_fill_money(rig->op, CURRENCY_USD, RIG_AMOUNT, &body.amount).kind,
                     STATUS_OK);
    rig_command(rig, escrow, &out);
}

void rig_refund(struct rig *rig, struct id escrow)
{
    wire_command out;
    holdfast__payments__v1__payments_command__init(&out);
    Holdfast__Payments__V1__RefundBuyer body;
    holdfast__payments__v1__refund_buyer__init(&body);
    out.body_case = HOLDFAST__PAYMENTS__V1__PAYMENTS_COMMAND__BODY_REFUND_BUYER;
    out.refund_buyer = &body;
    assert_int_equal(wire_fill_id(rig->op, rig_leg(escrow, LEG_BACK), &body.leg_id).kind,
                     STATUS_OK);
    assert_int_equal(wire_fill_id(rig->op, rig_leg(escrow, LEG_PAY), &body.paid_leg_id).kind,
                     STATUS_OK);
    assert_int_equal(wire_fill_money(rig->op, CURRENCY_USD, RIG_AMOUNT, &body.amount).kind,
                     STATUS_OK);
    rig_command(rig, escrow, &out);
}

/* The charge that paid the escrow's intent, paid now if it was not; "ch_1" where the provider has no intent yet. */
static void pay(struct rig *rig, struct id escrow, char *ret_charge, size_t size)
{
    uint32_t number = 0;
    uint32_t charge = 1;
    if (sim_stripe_made(rig->stripe, SIM_STRIPE_INTENT, escrow, &number) > 0) {
        (void)sim_stripe_pay(rig->stripe, escrow, SIM_PAY_GOOD); /* false: it is paid */
        charge = sim_stripe_object(rig->stripe, number)->charge;
    }
    (void)snprintf(ret_charge, size, "ch_%u", charge);
}

void rig_signal(struct rig *rig, struct id escrow, enum leg_number leg, const char *event,
                const char *type, const char *object)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "evt_%s_%02x%02x", event, escrow.bytes[14],
                   escrow.bytes[15]);
    bool paid = strcmp(type, "payment_intent.succeeded") == 0;
    bool moved = strcmp(type, "transfer.created") == 0;
    char charge[16] = "";
    if (paid) {
        pay(rig, escrow, charge, sizeof(charge));
    }
    struct payments_signal out = {
        .escrow_id = escrow,
        .leg_id = rig_leg(escrow, leg),
        .provider = STR("stripe"),
        .event_id = str_of(name),
        .event_type = str_of(type),
        .object_id = str_of(object),
        .object_state = STR("any"),
        .amount_minor = paid || moved ? RIG_AMOUNT : 0,
        .currency = paid || moved ? STR("USD") : STR(""),
        .charge_id = str_of(charge),
        .raw = STR("{}"),
    };
    struct intake_row row = {
        .id = payments_signal_id(out.provider, out.event_id),
        .lane = lane_of_key(escrow),
        .topic = str_of(topology_topics[TOPIC_PAYMENTS_SIGNALS_V1].name),
        .key = escrow,
        .type = payments_signal_type(),
        .created_at_us = rig->world->clock.wall_us,
        .due_at_us = rig->world->clock.wall_us + INT64_C(3600000000),
        .open = true,
    };
    struct str value;
    assert_int_equal(payments_signal_pack(rig->op, row.id, &out, &value, &row.content).kind,
                     STATUS_OK);
    row.payload = value;
    sim_db_put(rig->db, &engine_intake_table, &row);
    struct bus_message message = {
        .topic = TOPIC_PAYMENTS_SIGNALS_V1,
        .message_id = row.id,
        .type = row.type,
        .value = value,
    };
    sim_world_append(rig->world, message, escrow);
}

/* ---- What came out ---- */

struct heard rig_hear(struct rig *rig, struct id escrow)
{
    struct heard heard = {0};
    int32_t lane = lane_of_key(escrow);
    uint32_t count = sim_kafka_count(rig->world->kafka, TOPIC_PAYMENTS_EVENTS_V1, lane);
    int64_t last_n = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct bus_record record =
            sim_kafka_record(rig->world->kafka, TOPIC_PAYMENTS_EVENTS_V1, lane, i);
        if (record.n <= last_n) {
            continue; /* published again after a crash */
        }
        assert_int_equal(record.n, last_n + 1);
        last_n = record.n;
        ProtobufCMessage *message;
        assert_int_equal(wire_unpack(rig->op, &holdfast__payments__v1__payments_event__descriptor,
                                     record.value, WIRE_BUDGET_BYTES, &message)
                             .kind,
                         STATUS_OK);
        const wire_event *event = (const wire_event *)message;
        struct id about;
        assert_int_equal(wire_id(rig->op, "escrow_id", event->escrow_id, &about).kind, STATUS_OK);
        if (!id_eq(about, escrow)) {
            continue;
        }
        assert_true(heard.count < RIG_EVENTS_MAX);
        heard.kinds[heard.count++] = (int)event->body_case;
        assert_int_equal(event->seq, heard.count);
        if (event->body_case == CREATED) {
            heard.secret = event->payment_intent_created->client_secret[0] != '\0';
        }
        struct id correlation; /* all of a deal belongs together, what webhooks cause apart */
        assert_int_equal(
            wire_id(rig->op, "correlation_id", event->meta->correlation_id, &correlation).kind,
            STATUS_OK);
        assert_true(event->body_case != CREATED || !heard.secret || id_eq(correlation, escrow));
    }
    return heard;
}

bool rig_has_heard(struct rig *rig, struct id escrow, int kind)
{
    struct heard heard = rig_hear(rig, escrow);
    for (uint32_t i = 0; i < heard.count; i++) {
        if (heard.kinds[i] == kind) {
            return true;
        }
    }
    return false;
}

void rig_assert_heard(struct rig *rig, struct id escrow, const int *kinds, uint32_t count)
{
    struct heard heard = rig_hear(rig, escrow);
    assert_int_equal(heard.count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(heard.kinds[i], kinds[i]);
    }
}

void rig_run_until(struct rig *rig, struct id escrow, int kind)
{
    for (int64_t spent = 0; !rig_has_heard(rig, escrow, kind); spent += 20 * RIG_STEP_MS) {
        assert_true(spent < RIG_RUN_MS);
        rig_run_for(rig, 20 * RIG_STEP_MS);
    }
}

void rig_assert_quiet(struct rig *rig)
{
    for (uint32_t i = 0; i < sim_db_count(rig->db, &engine_effect_table); i++) {
        const struct effect_row *effect = sim_db_row(rig->db, &engine_effect_table, i);
        assert_false(effect->open);
    }
    for (uint32_t i = 0; i < sim_db_count(rig->db, &engine_intake_table); i++) {
        const struct intake_row *intake = sim_db_row(rig->db, &engine_intake_table, i);
        assert_int_equal(intake->outcome, INTAKE_ACCEPTED);
    }
    assert_int_equal(sim_db_count(rig->db, &engine_parked_key_table), 0);
    assert_int_equal(sim_db_count(rig->db, &engine_quarantine_table), 0);
}

const char *rig_intent_ref(struct rig *rig, struct id escrow)
{
    static char ref[16];
    uint32_t number = 0;
    assert_true(sim_stripe_made(rig->stripe, SIM_STRIPE_INTENT, escrow, &number) > 0);
    (void)snprintf(ref, sizeof(ref), "pi_%u", number);
    return ref;
}

uint64_t rig_attempts(const struct rig *rig)
{
    struct sim_stripe_counts counts = sim_stripe_counts(rig->stripe);
    uint64_t attempts = 0;
    for (int fault = 0; fault < SIM_STRIPE_FAULT_COUNT; fault++) {
        attempts += counts.met[fault];
    }
    assert_int_equal(counts.different, 0); /* a key is asked with one request only */
    assert_int_equal(counts.bad, 0);
    return attempts;
}

uint32_t rig_made(const struct rig *rig, enum sim_stripe_kind kind)
{
    return sim_stripe_made(rig->stripe, kind, (struct id){.bytes = {0}}, NULL);
}

const struct parked_key_row *rig_parked(struct rig *rig, struct id key)
{
    for (uint32_t i = 0; i < sim_db_count(rig->db, &engine_parked_key_table); i++) {
        const struct parked_key_row *row = sim_db_row(rig->db, &engine_parked_key_table, i);
        if (id_eq(row->key, key)) {
            return row;
        }
    }
    return NULL;
}
