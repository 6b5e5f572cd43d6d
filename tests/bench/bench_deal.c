#include "bench_deal.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "bench_report.h"
#include "holdfast/escrow/v1/commands.pb-c.h"
#include "holdfast/payments/v1/commands.pb-c.h"
#include "holdfast/payments/v1/events.pb-c.h"
#include "wire/wire.h"

#define PRICE_MINOR 2500
#define FUNDING_SECONDS 259200
#define DELIVERY_SECONDS 172800
#define INSPECTION_SECONDS 604800
#define DEAL_ARENA_BYTES ((size_t)1024 * 1024 * 1024)

enum phase {
    PHASE_CREATE = 0,
    PHASE_INTENT,
    PHASE_PAID,
    PHASE_DELIVERED,
    PHASE_RELEASE,
    PHASE_TRANSFERRED,
    PHASE_LATE_ONE, /* money after the end: suspense, and back */
    PHASE_BACK_ONE,
    PHASE_LATE_TWO,
    PHASE_BACK_TWO,
};

struct deal {
    struct id id, buyer, seller, marketplace;
    struct id leg; /* that the next payment event is about */
};

struct bench_deals {
    struct deal *deals;
    uint32_t count;
    uint32_t *by_slot; /* index of ids */
    uint32_t slot_count;
    struct arena arena;
    struct op op;
    struct bus_message *messages;
    struct bench_numbers *numbers;
};

static void must(struct op *op, struct status st)
{
    bench_must(op, st, "deals");
}

static uint32_t slot_of(const struct bench_deals *deals, struct id id)
{
    uint64_t low;
    memcpy(&low, id.bytes + 8, sizeof(low));
    uint32_t at = (uint32_t)(low * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (deals->slot_count - 1);
    while (deals->by_slot[at] != 0 && !id_eq(deals->deals[deals->by_slot[at] - 1].id, id)) {
        at = (at + 1) & (deals->slot_count - 1);
    }
    return at;
}

struct bench_deals *bench_deals_new(uint32_t count, struct bench_numbers *numbers)
{
    struct bench_deals *deals = calloc(1, sizeof(*deals));
    ASSERT(deals);
    deals->count = count;
    deals->deals = calloc(count, sizeof(*deals->deals));
    deals->messages = calloc(count, sizeof(*deals->messages));
    deals->slot_count = 1024;
    while (deals->slot_count < 2 * count) {
        deals->slot_count *= 2;
    }
    deals->by_slot = calloc(deals->slot_count, sizeof(*deals->by_slot));
    ASSERT(deals->deals && deals->messages && deals->by_slot);
    for (uint32_t i = 0; i < count; i++) {
        deals->deals[i] = (struct deal){.id = id_random(),
                                        .buyer = id_random(),
                                        .seller = id_random(),
                                        .marketplace = id_random()};
        deals->by_slot[slot_of(deals, deals->deals[i].id)] = i + 1;
    }
    arena_init(&deals->arena, DEAL_ARENA_BYTES);
    deals->op = (struct op){.arena = &deals->arena, .correlation_id = STR("bench")};
    deals->numbers = numbers;
    if (numbers->clock_us == 0) {
        numbers->clock_us = clock_wall_us();
    }
    return deals;
}

void bench_deals_free(struct bench_deals *deals)
{
    arena_fini(&deals->arena);
    free(deals->deals);
    free(deals->messages);
    free(deals->by_slot);
    free(deals);
}

/* ---- Records ---- */

static struct str key_text(struct op *op, struct id id)
{
    struct str text = id_to_str(op->arena, id);
    ASSERT(text.ptr);
    return text;
}

static ProtobufCBinaryData bytes_of(struct op *op, struct id id)
{
    ProtobufCBinaryData bytes;
    must(op, wire_fill_id(op, id, &bytes));
    return bytes;
}

/* A command of escrow.commands.v1, as the gateway writes it. */
static struct bus_message command(struct op *op, const struct deal *deal, struct engine_actor actor,
                                  Holdfast__Escrow__V1__EscrowCommand *command, struct id id)
{
    must(op, wire_meta_origin(op, id, id, actor, &command->meta));
    command->escrow_id = bytes_of(op, deal->id);
    struct bus_message message = {.topic = TOPIC_ESCROW_COMMANDS_V1,
                                  .partition = lane_of_key(deal->id),
                                  .message_id = id,
                                  .type = STR("holdfast.escrow.v1.Command"),
                                  .key = key_text(op, deal->id)};
    must(op, wire_pack(op, &command->base, &message.value));
    return message;
}

static struct bus_message create(struct op *op, const struct deal *deal, struct id id)
{
    Holdfast__Escrow__V1__CreateEscrow body;
    Holdfast__Escrow__V1__EscrowCommand outer;
    holdfast__escrow__v1__create_escrow__init(&body);
    holdfast__escrow__v1__escrow_command__init(&outer);
    body.marketplace_id = bytes_of(op, deal->marketplace);
    body.buyer_id = bytes_of(op, deal->buyer);
    body.seller_id = bytes_of(op, deal->seller);
    must(op, wire_fill_money(op, CURRENCY_USD, PRICE_MINOR, &body.price));
    must(op, wire_fill_text(op, STR("acct_1BenchSeller"), &body.seller_account));
    must(op, wire_fill_text(op, STR("One sword of the north"), &body.description));
    body.funding_seconds = FUNDING_SECONDS;
    body.delivery_seconds = DELIVERY_SECONDS;
    body.inspection_seconds = INSPECTION_SECONDS;
    outer.body_case = HOLDFAST__ESCROW__V1__ESCROW_COMMAND__BODY_CREATE_ESCROW;
    outer.create_escrow = &body;
    struct engine_actor actor = {.kind = ENGINE_ACTOR_MARKETPLACE, .id = deal->marketplace};
    return command(op, deal, actor, &outer, id);
}

static struct bus_message deliver(struct op *op, const struct deal *deal)
{
    Holdfast__Escrow__V1__MarkDelivered body;
    Holdfast__Escrow__V1__EscrowCommand outer;
    holdfast__escrow__v1__mark_delivered__init(&body);
    holdfast__escrow__v1__escrow_command__init(&outer);
    outer.body_case = HOLDFAST__ESCROW__V1__ESCROW_COMMAND__BODY_MARK_DELIVERED;
    outer.mark_delivered = &body;
    struct engine_actor actor = {.kind = ENGINE_ACTOR_USER, .id = deal->seller};
    return command(op, deal, actor, &outer, id_random());
}

static struct bus_message release(struct op *op, const struct deal *deal)
{
    Holdfast__Escrow__V1__ReleaseFunds body;
    Holdfast__Escrow__V1__EscrowCommand outer;
    holdfast__escrow__v1__release_funds__init(&body);
    holdfast__escrow__v1__escrow_command__init(&outer);
    outer.body_case = HOLDFAST__ESCROW__V1__ESCROW_COMMAND__BODY_RELEASE_FUNDS;
    outer.release_funds = &body;
    struct engine_actor actor = {.kind = ENGINE_ACTOR_USER, .id = deal->buyer};
    return command(op, deal, actor, &outer, id_random());
}

/* An event of payments.events.v1, numbered as payments' lane would. */
static struct bus_message payment_event(struct bench_deals *deals, const struct deal *deal,
                                        Holdfast__Payments__V1__PaymentsEvent *event)
{
    struct op *op = &deals->op;
    int32_t lane = lane_of_key(deal->id);
    struct engine_message cause = {
        .id = id_random(), .correlation_id = deal->id, .actor = {.kind = ENGINE_ACTOR_SYSTEM}};
    struct id id = id_derive(cause.id, ++deals->numbers->clock_us);
    op->now_us = deals->numbers->clock_us;
    must(op, wire_meta_fill(op, &cause, id, &event->meta));
    event->escrow_id = bytes_of(op, deal->id);
    event->leg_id = bytes_of(op, deal->leg);
    struct bus_message message = {.topic = TOPIC_PAYMENTS_EVENTS_V1,
                                  .partition = lane,
                                  .n = ++deals->numbers->next_n[lane],
                                  .committed_at_us = deals->numbers->clock_us,
                                  .message_id = id,
                                  .type = STR("holdfast.payments.v1.Event"),
                                  .key = key_text(op, deal->id)};
    must(op, wire_pack(op, &event->base, &message.value));
    return message;
}

static struct bus_message intent_created(struct bench_deals *deals, const struct deal *deal)
{
    Holdfast__Payments__V1__PaymentIntentCreated body;
    Holdfast__Payments__V1__PaymentsEvent event;
    holdfast__payments__v1__payment_intent_created__init(&body);
    holdfast__payments__v1__payments_event__init(&event);
    must(&deals->op, wire_fill_text(&deals->op, STR("pi_bench"), &body.provider_ref));
    must(&deals->op, wire_fill_text(&deals->op, STR("pi_bench_secret"), &body.client_secret));
    event.body_case = HOLDFAST__PAYMENTS__V1__PAYMENTS_EVENT__BODY_PAYMENT_INTENT_CREATED;
    event.payment_intent_created = &body;
    return payment_event(deals, deal, &event);
}

static struct bus_message paid(struct bench_deals *deals, const struct deal *deal)
{
    Holdfast__Payments__V1__PaymentSucceeded body;
    Holdfast__Payments__V1__PaymentsEvent event;
    holdfast__payments__v1__payment_succeeded__init(&body);
    holdfast__payments__v1__payments_event__init(&event);
    must(&deals->op, wire_fill_text(&deals->op, STR("pi_bench"), &body.provider_ref));
    must(&deals->op, wire_fill_text(&deals->op, STR("USD"), &body.currency));
    body.received_minor = PRICE_MINOR;
    event.body_case = HOLDFAST__PAYMENTS__V1__PAYMENTS_EVENT__BODY_PAYMENT_SUCCEEDED;
    event.payment_succeeded = &body;
    return payment_event(deals, deal, &event);
}

static struct bus_message transferred(struct bench_deals *deals, const struct deal *deal)
{
    Holdfast__Payments__V1__TransferSucceeded body;
    Holdfast__Payments__V1__PaymentsEvent event;
    holdfast__payments__v1__transfer_succeeded__init(&body);
    holdfast__payments__v1__payments_event__init(&event);
    must(&deals->op, wire_fill_text(&deals->op, STR("tr_bench"), &body.provider_ref));
    body.amount_minor = PRICE_MINOR;
    event.body_case = HOLDFAST__PAYMENTS__V1__PAYMENTS_EVENT__BODY_TRANSFER_SUCCEEDED;
    event.transfer_succeeded = &body;
    return payment_event(deals, deal, &event);
}

static struct bus_message refunded(struct bench_deals *deals, const struct deal *deal)
{
    Holdfast__Payments__V1__RefundSucceeded body;
    Holdfast__Payments__V1__PaymentsEvent event;
    holdfast__payments__v1__refund_succeeded__init(&body);
    holdfast__payments__v1__payments_event__init(&event);
    must(&deals->op, wire_fill_text(&deals->op, STR("re_bench"), &body.provider_ref));
    body.amount_minor = PRICE_MINOR;
    event.body_case = HOLDFAST__PAYMENTS__V1__PAYMENTS_EVENT__BODY_REFUND_SUCCEEDED;
    event.refund_succeeded = &body;
    return payment_event(deals, deal, &event);
}

void bench_deals_prepare(struct bench_deals *deals, uint32_t phase)
{
    arena_reset(&deals->arena);
    for (uint32_t i = 0; i < deals->count; i++) {
        struct deal *deal = &deals->deals[i];
        struct bus_message *message = &deals->messages[i];
        switch ((enum phase)phase) {
        case PHASE_CREATE: *message = create(&deals->op, deal, id_random()); break;
        case PHASE_INTENT: *message = intent_created(deals, deal); break;
        case PHASE_PAID: *message = paid(deals, deal); break;
        case PHASE_DELIVERED: *message = deliver(&deals->op, deal); break;
        case PHASE_RELEASE: *message = release(&deals->op, deal); break;
        case PHASE_TRANSFERRED: *message = transferred(deals, deal); break;
        case PHASE_LATE_ONE:
        case PHASE_LATE_TWO:
            deal->leg = id_random();
            *message = paid(deals, deal);
            break;
        case PHASE_BACK_ONE:
        case PHASE_BACK_TWO: *message = refunded(deals, deal); break;
        }
    }
}

static void drain_deliveries(struct bus *bus)
{
    struct bus_delivery delivery;
    while (bus->ops->delivered(bus, &delivery)) {
        ASSERT(delivery.ok);
    }
}

void bench_deals_produce(struct bench_deals *deals, struct bus *bus)
{
    for (uint32_t i = 0; i < deals->count; i++) {
        while (status_failed(bus->ops->produce(&deals->op, bus, &deals->messages[i]))) {
            bus->ops->wait(bus, 1);
            drain_deliveries(bus);
        }
        drain_deliveries(bus);
    }
    while (bus->ops->in_flight(bus) > 0) {
        bus->ops->wait(bus, 1);
        drain_deliveries(bus);
    }
}

uint64_t bench_deals_outputs(const struct bench_deals *deals, uint32_t phase)
{
    static const uint8_t of_each_deal[BENCH_PHASES] = {
        [PHASE_CREATE] = 2,    /* EscrowCreated, CreatePaymentIntent */
        [PHASE_INTENT] = 2,    /* EscrowAwaitFunds, SetTimer */
        [PHASE_PAID] = 4,      /* EscrowFundsReceived, EscrowFundsHeld, CancelTimer, SetTimer */
        [PHASE_DELIVERED] = 3, /* EscrowDelivered, CancelTimer, SetTimer */
        [PHASE_RELEASE] = 3,   /* EscrowReleaseStarted, TransferToSeller, CancelTimer */
        [PHASE_TRANSFERRED] = 1, [PHASE_LATE_ONE] = 2, /* EscrowFundsSuspended, RefundBuyer */
        [PHASE_BACK_ONE] = 1,    [PHASE_LATE_TWO] = 2, [PHASE_BACK_TWO] = 1,
    };
    ASSERT(phase < BENCH_PHASES);
    return (uint64_t)of_each_deal[phase] * deals->count;
}

/* ---- Legs ---- */

static struct id leg_of(struct op *op, const struct bus_record *record)
{
    ProtobufCMessage *unpacked;
    must(op, wire_unpack(op, &holdfast__payments__v1__payments_command__descriptor, record->value,
                         WIRE_BUDGET_BYTES, &unpacked));
    const Holdfast__Payments__V1__PaymentsCommand *command = (const void *)unpacked;
    ProtobufCBinaryData bytes = {.len = 0};
    if (command->body_case ==
        HOLDFAST__PAYMENTS__V1__PAYMENTS_COMMAND__BODY_CREATE_PAYMENT_INTENT) {
        bytes = command->create_payment_intent->leg_id;
    } else if (command->body_case ==
               HOLDFAST__PAYMENTS__V1__PAYMENTS_COMMAND__BODY_TRANSFER_TO_SELLER) {
        bytes = command->transfer_to_seller->leg_id;
    } else if (command->body_case == HOLDFAST__PAYMENTS__V1__PAYMENTS_COMMAND__BODY_REFUND_BUYER) {
        bytes = command->refund_buyer->leg_id;
    }
    struct id id;
    must(op, wire_id(op, "leg_id", bytes, &id));
    return id;
}

void bench_deals_read_legs(struct bench_deals *deals, uint32_t phase, struct bus *bus)
{
    bool asks = phase == PHASE_CREATE || phase == PHASE_RELEASE || phase == PHASE_LATE_ONE ||
                phase == PHASE_LATE_TWO;
    if (!asks) {
        return;
    }
    /* Only now: a reader that is there all the time fetches while the engine's time is taken. */
    for (int32_t p = 0; p < LANES; p++) {
        must(&deals->op, bus->ops->assign(&deals->op, bus, TOPIC_PAYMENTS_COMMANDS_V1, p,
                                          deals->numbers->legs_at[p]));
    }
    for (uint32_t got_count = 0; got_count < deals->count;) {
        struct bus_record record;
        bool got;
        must(&deals->op, bus->ops->poll(&deals->op, bus, &record, &got));
        if (!got) {
            bus->ops->wait(bus, 10);
            continue;
        }
        struct id key;
        ASSERT(id_parse(record.key, &key));
        uint32_t slot = slot_of(deals, key);
        if (deals->by_slot[slot] != 0) { /* else: another part's deal */
            deals->deals[deals->by_slot[slot] - 1].leg = leg_of(&deals->op, &record);
            got_count++;
        }
        deals->numbers->legs_at[record.partition] = record.offset + 1;
        bus->ops->release(bus, &record);
    }
    for (int32_t p = 0; p < LANES; p++) {
        bus->ops->unassign(bus, TOPIC_PAYMENTS_COMMANDS_V1, p);
    }
}

STATUS bench_deal_create(struct op *op, struct bus *bus, struct id *ret_cause)
{
    arena_reset(op->arena);
    struct deal deal = {
        .id = id_random(), .buyer = id_random(), .seller = id_random(), .marketplace = id_random()};
    struct id id = id_random();
    struct bus_message message = create(op, &deal, id);
    TRY(bus->ops->produce(op, bus, &message));
    *ret_cause = id;
    return OK;
}
