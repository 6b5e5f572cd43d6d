/* escrow.events.v1: packed EscrowEvents to news. */
#include <string.h>

#include "base/sign.h"
#include "gateway/gateway_in.h"
#include "gateway/gateway_out_json.h"
#include "holdfast/escrow/v1/events.pb-c.h"
#include "wire/wire.h"

#define CASE(name) HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_##name

static struct status take_amount(struct op *op, const Holdfast__Common__V1__Money *amount,
                                 struct gateway_news *news)
{
    enum currency currency = CURRENCY_NONE;
    return wire_money(op, "amount", amount, &currency, &news->amount_minor);
}

/* The key in hex, as everything of its kind is shown. */
static struct status read_arbiter(struct op *op, const Holdfast__Escrow__V1__EscrowCreated *created,
                                  struct gateway_view *told)
{
    struct strbuf buf;
    TRY(wire_id_or_none(op, "arbiter_id", created->arbiter_id, &told->arbiter_id));
    if (created->arbiter_key.len != (id_is_none(told->arbiter_id) ? 0 : SIGN_PUBLIC_BYTES)) {
        return op_fail(op, STATUS_INVALID, "gateway.bad_event", "an arbiter without a key");
    }
    strbuf_init(&buf, op->arena, (size_t)2 * SIGN_PUBLIC_BYTES + 1);
    strbuf_add_hex(&buf, created->arbiter_key.data, created->arbiter_key.len);
    return strbuf_finish(&buf, &told->arbiter_key) ? OK : op_arena_full(op);
}

static struct status read_created(struct op *op, const Holdfast__Escrow__V1__EscrowCreated *created,
                                  struct gateway_news *news)
{
    struct gateway_view *told = &news->told;
    news->kind = GATEWAY_NEWS_CREATED;
    TRY(wire_id(op, "marketplace_id", created->marketplace_id, &told->marketplace_id));
    TRY(wire_id(op, "buyer_id", created->buyer_id, &told->buyer_id));
    TRY(wire_id(op, "seller_id", created->seller_id, &told->seller_id));
    TRY(wire_money(op, "price", created->price, &told->currency, &told->price_minor));
    told->seller_account = str_of(created->seller_account);
    told->funding_seconds = created->funding_seconds;
    told->delivery_seconds = created->delivery_seconds;
    told->inspection_seconds = created->inspection_seconds;
    told->fees = wire_fees(created->fees);
    told->description = str_of(created->description);
    news->amount_minor = told->price_minor;
    return read_arbiter(op, created, told);
}

/* Money that is flagged may be in a currency that is not ours: its amount alone is told. */
static struct status read_suspended(const Holdfast__Escrow__V1__EscrowFundsSuspended *suspended,
                                    struct gateway_news *news)
{
    news->amount_minor = suspended->amount ? suspended->amount->amount_minor : 0;
    news->note = str_of(suspended->currency);
    return OK;
}

/* A type that this version does not know cannot be shown. */
static struct status read_evidence(struct op *op,
                                   const Holdfast__Escrow__V1__EscrowEvidenceSubmitted *told,
                                   struct gateway_news *news)
{
    struct gateway_evidence *evidence = &news->evidence;
    if (told->content.len != HASH_BYTES || (int)told->type <= MEDIA_NONE ||
        (int)told->type >= MEDIA_COUNT || told->dispute < 1 || told->size_bytes < 1) {
        return op_fail(op, STATUS_INVALID, "gateway.bad_event", "evidence that cannot be");
    }
    memcpy(evidence->content.bytes, told->content.data, HASH_BYTES);
    evidence->dispute = told->dispute;
    evidence->type = (int)told->type;
    evidence->size_bytes = told->size_bytes;
    evidence->description = str_of(told->description); /* in the list alone: it may be private */
    news->has_evidence = true;
    return OK;
}

static struct status take_note(const char *text, struct gateway_news *news)
{
    news->note = str_of(text);
    return OK;
}

static struct status read_disputed(struct op *op,
                                   const Holdfast__Escrow__V1__EscrowDisputed *disputed,
                                   struct gateway_news *news)
{
    news->note = str_of(disputed->reason);
    news->told.dispute_number = disputed->number;
    return take_amount(op, disputed->amount, news);
}

/* The timeline has the seller's part; the rest is the buyer's. */
static struct status read_divided(int64_t seller_minor, const char *reason,
                                  struct gateway_news *news)
{
    news->note = str_of(reason);
    news->amount_minor = seller_minor;
    return OK;
}

static struct status read_refused(const Holdfast__Escrow__V1__CommandRejected *refused,
                                  struct gateway_news *news)
{
    news->kind = GATEWAY_NEWS_REFUSED;
    news->code = str_of(refused->code);
    news->sentence = str_of(refused->sentence);
    return OK;
}

static struct status read_body(struct op *op, const Holdfast__Escrow__V1__EscrowEvent *event,
                               struct gateway_news *news)
{
    news->kind = GATEWAY_NEWS_CHANGED;
    switch (event->body_case) {
    case CASE(ESCROW_CREATED): return read_created(op, event->escrow_created, news);
    case CASE(ESCROW_FUNDS_RECEIVED):
        return take_amount(op, event->escrow_funds_received->amount, news);
    case CASE(ESCROW_FUNDS_HELD): return take_amount(op, event->escrow_funds_held->amount, news);
    case CASE(ESCROW_RELEASE_STARTED):
        news->milestone = event->escrow_release_started->milestone;
        news->note = str_of(event->escrow_release_started->reason);
        return take_amount(op, event->escrow_release_started->amount, news);
    case CASE(ESCROW_RELEASED): return take_amount(op, event->escrow_released->amount, news);
    case CASE(ESCROW_REFUND_STARTED):
        news->milestone = event->escrow_refund_started->milestone;
        news->note = str_of(event->escrow_refund_started->reason);
        return take_amount(op, event->escrow_refund_started->amount, news);
    case CASE(ESCROW_REFUNDED): return take_amount(op, event->escrow_refunded->amount, news);
    case CASE(ESCROW_SUSPENSE_REFUNDED):
        return take_amount(op, event->escrow_suspense_refunded->amount, news);
    case CASE(ESCROW_FUNDS_SUSPENDED): return read_suspended(event->escrow_funds_suspended, news);
    case CASE(ESCROW_CANCELLED): return take_note(event->escrow_cancelled->reason, news);
    case CASE(ESCROW_PAYOUT_FAILED): return take_note(event->escrow_payout_failed->code, news);
    case CASE(ESCROW_REFUND_FAILED): return take_note(event->escrow_refund_failed->code, news);
    case CASE(ESCROW_PAYMENT_FAILED): return take_note(event->escrow_payment_failed->code, news);
    case CASE(ESCROW_REJECTED):
        news->milestone = event->escrow_rejected->milestone;
        news->note = str_of(event->escrow_rejected->reason);
        return OK;
    case CASE(ESCROW_DISPUTED): return read_disputed(op, event->escrow_disputed, news);
    case CASE(ESCROW_PARTIALLY_RELEASED):
        news->note = str_of(event->escrow_partially_released->reason);
        news->milestone = event->escrow_partially_released->milestone;
        return take_amount(op, event->escrow_partially_released->amount, news);
    case CASE(ESCROW_PART_PAID): return take_amount(op, event->escrow_part_paid->amount, news);
    case CASE(ESCROW_PARTIALLY_REFUNDED):
        news->note = str_of(event->escrow_partially_refunded->reason);
        news->milestone = event->escrow_partially_refunded->milestone;
        return take_amount(op, event->escrow_partially_refunded->amount, news);
    case CASE(ESCROW_PART_REFUNDED):
        return take_amount(op, event->escrow_part_refunded->amount, news);
    case CASE(ESCROW_SPLIT_PROPOSED):
        return read_divided(event->escrow_split_proposed->seller_minor, "", news);
    case CASE(ESCROW_SPLIT_AGREED):
        return read_divided(event->escrow_split_agreed->seller_minor, "", news);
    case CASE(ESCROW_DELIVERED): news->milestone = event->escrow_delivered->milestone; return OK;
    case CASE(ESCROW_DISPUTE_RESOLVED):
        return read_divided(event->escrow_dispute_resolved->seller_minor,
                            event->escrow_dispute_resolved->reason, news);
    case CASE(ESCROW_EVIDENCE_SUBMITTED):
        return read_evidence(op, event->escrow_evidence_submitted, news);
    case CASE(ESCROW_SPLIT_WITHDRAWN):
    case CASE(ESCROW_SETTLED):
    case CASE(ESCROW_DISPUTE_WITHDRAWN):
    case CASE(ESCROW_DISPUTE_ESCALATED):
    case CASE(ESCROW_AWAIT_FUNDS):
    case CASE(ESCROW_PAYOUT_RETRIED):
    case CASE(ESCROW_RETURN_ACCEPTED):
    case CASE(ESCROW_EXPIRED): return OK;
    case CASE(COMMAND_REJECTED): return read_refused(event->command_rejected, news);
    case CASE(_NOT_SET):
    case _HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY__CASE_IS_INT_SIZE: break;
    }
    news->kind = GATEWAY_NEWS_NONE;
    return OK;
}

/* The offer that is open; none is while the event has none. */
static struct status read_split(struct op *op, const Holdfast__Escrow__V1__EscrowEvent *event,
                                struct gateway_view *told)
{
    const Holdfast__Escrow__V1__Split *split = event->split;
    if (!split) {
        return OK;
    }
    if (split->number < 1 || split->seller_minor < 0 || split->buyer_minor < 0) {
        return op_fail(op, STATUS_INVALID, "gateway.bad_event", "an offer that cannot be");
    }
    told->split_number = split->number;
    told->split_seller_minor = split->seller_minor;
    told->split_buyer_minor = split->buyer_minor;
    return wire_id(op, "proposer_id", split->proposer_id, &told->split_by);
}

/* Of the dispute that is open; none is while the event has none. */
static struct status read_docket(struct op *op, const Holdfast__Escrow__V1__EscrowEvent *event,
                                 struct gateway_view *told)
{
    const Holdfast__Escrow__V1__Docket *docket = event->docket;
    if (!docket) {
        return OK;
    }
    return gateway_evidence_docket(op,
                                   &(struct gateway_docket){
                                       .buyer_items = docket->buyer_items,
                                       .seller_items = docket->seller_items,
                                       .buyer_until_us = docket->buyer_until_us,
                                       .seller_until_us = docket->seller_until_us,
                                       .staff_decides_at_us = docket->staff_decides_at_us,
                                   },
                                   &told->docket);
}

/* As the event tells them; a state that this version does not know cannot be shown. */
static struct status read_milestones(struct op *op, const Holdfast__Escrow__V1__EscrowEvent *event,
                                     struct gateway_view *told)
{
    uint32_t count = (uint32_t)event->n_milestones;
    struct gateway_milestone *milestones = arena_new(op->arena, struct gateway_milestone, count);
    if (!milestones) {
        return op_arena_full(op);
    }
    for (uint32_t i = 0; i < count; i++) {
        const Holdfast__Escrow__V1__MilestoneStanding *one = event->milestones[i];
        if (one->number != (int64_t)i + 1 || (int)one->state < GATEWAY_MILESTONE_OPEN ||
            (int)one->state >= GATEWAY_MILESTONE_STATE_COUNT) {
            return op_fail(op, STATUS_INVALID, "gateway.bad_event", "a milestone that cannot be");
        }
        milestones[i] = (struct gateway_milestone){
            .title = str_of(one->title),
            .amount_minor = one->amount_minor,
            .state = (int)one->state,
            .inspection_ends_us = one->inspection_ends_at_us,
            .answer_ends_us = one->answer_ends_at_us,
        };
    }
    return gateway_out_milestones(op, milestones, count, &told->milestones);
}

static struct status read_sums(struct op *op, const Holdfast__Escrow__V1__EscrowEvent *event,
                               struct gateway_view *told)
{
    const Holdfast__Escrow__V1__Balances *balances = event->balances;
    const Holdfast__Escrow__V1__Attention *attention = event->attention;
    if (!balances || !attention || event->seq < 1 ||
        event->state == HOLDFAST__ESCROW__V1__ESCROW_STATE__ESCROW_STATE_UNSPECIFIED) {
        return op_fail(op, STATUS_INVALID, "gateway.bad_event", "no seq, state or sums");
    }
    told->seq = event->seq;
    told->state = (int)event->state;
    told->received_minor = balances->received_minor;
    told->held_minor = balances->held_minor;
    told->disputed_minor = balances->disputed_minor;
    told->suspense_minor = balances->suspense_minor;
    told->due_seller_minor = balances->due_seller_minor;
    told->due_buyer_minor = balances->due_buyer_minor;
    told->paid_out_minor = balances->paid_out_minor;
    told->refunded_minor = balances->refunded_minor;
    told->fee_deferred_minor = balances->fee_deferred_minor;
    told->fee_minor = balances->fee_minor;
    told->released_minor = balances->released_minor;
    told->returned_minor = balances->returned_minor;
    told->payout_failed_minor = attention->payout_failed_minor;
    told->refund_failed_minor = attention->refund_failed_minor;
    told->payment_setup_failed = attention->payment_setup_failed;
    told->foreign_money = attention->foreign_money;
    told->deadline_at_us = event->deadline ? event->deadline->at_us : 0;
    told->deadline_state = event->deadline ? (int)event->deadline->next_state : GATEWAY_STATE_NONE;
    TRY(read_milestones(op, event, told));
    TRY(read_docket(op, event, told));
    return read_split(op, event, told);
}

/* What follows the last dot. */
static struct str short_name(struct str type)
{
    struct str head;
    struct str tail;
    while (str_cut(type, '.', &head, &tail)) {
        type = tail;
    }
    return type;
}

/* "EscrowFundsHeld": the name of the body's type, if this version knows it, else as the record has it. */
static struct str body_name(const Holdfast__Escrow__V1__EscrowEvent *event,
                            const struct bus_record *record)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(event->base.descriptor, (unsigned)event->body_case);
    const ProtobufCMessageDescriptor *body = field ? field->descriptor : NULL;
    return body ? str_of(body->short_name) : short_name(record->type);
}

STATUS gateway_in_events_decode(struct op *op, const struct bus_record *record,
                                struct engine_message *ret_message)
{
    ProtobufCMessage *unpacked;
    TRY(wire_unpack(op, &holdfast__escrow__v1__escrow_event__descriptor, record->value,
                    WIRE_BUDGET_BYTES, &unpacked));
    const Holdfast__Escrow__V1__EscrowEvent *event =
        (const Holdfast__Escrow__V1__EscrowEvent *)unpacked;
    struct gateway_news *news = arena_new(op->arena, struct gateway_news, 1);
    if (!news) {
        return op_arena_full(op);
    }
    TRY(wire_id(op, "escrow_id", event->escrow_id, &ret_message->key));
    TRY(wire_check_key(op, record, ret_message->key));
    TRY(wire_meta_read(op, event->meta, ret_message));
    TRY(read_body(op, event, news));
    if (news->kind == GATEWAY_NEWS_NONE && event->balances && event->attention) {
        news->kind = GATEWAY_NEWS_CHANGED; /* of a newer escrow: what became of the deal is said */
    }
    news->type = body_name(event, record);
    if (news->kind == GATEWAY_NEWS_CREATED || news->kind == GATEWAY_NEWS_CHANGED) {
        TRY(read_sums(op, event, &news->told));
    }
    ret_message->skip = news->kind == GATEWAY_NEWS_NONE;
    ret_message->creates = news->kind == GATEWAY_NEWS_CREATED;
    ret_message->type = (int32_t)event->body_case;
    ret_message->body = news;
    return OK;
}

enum intake_outcome gateway_in_events_outcome(const struct engine_message *message,
                                              struct str *ret_code, struct str *ret_sentence)
{
    const struct gateway_news *news = message->body;
    if (news->kind != GATEWAY_NEWS_REFUSED) {
        return INTAKE_ACCEPTED;
    }
    *ret_code = news->code;
    *ret_sentence = news->sentence;
    return INTAKE_REJECTED;
}
