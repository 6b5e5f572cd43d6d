/* Events of an escrow to news for its parties. The sentence's table says who is told what. */
#include "notifications/notifications_in_deals.h"

#include "base/assert.h"
#include "holdfast/escrow/v1/events.pb-c.h"
#include "notifications/notifications_message.h"
#include "notifications/notifications_repo.h"
#include "notifications/notifications_text.h"
#include "wire/wire.h"

typedef Holdfast__Escrow__V1__EscrowEvent wire_event;

#define CASE(name) HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_##name

const struct engine_aggregate_kind notifications_in_deals_kind = {
    .table = &notifications_repo_deal,
};

/* An event as far as it matters here. */
struct deal_event {
    bool created; /* deal is filled */
    struct deal deal;
    int64_t seller_minor; /* of what differs for the two; news has the buyer's */
    bool divides;
    struct news news; /* role and description are filled when it is told; notice NONE: to nobody */
};

static STATUS read_created(struct op *op, const Holdfast__Escrow__V1__EscrowCreated *in,
                           struct deal_event *event)
{
    struct deal *deal = &event->deal;
    event->created = true;
    deal->escrow_id = event->news.escrow_id;
    deal->version = 1;
    deal->created_at_us = event->news.happened_at_us;
    TRY(wire_id(op, "buyer_id", in->buyer_id, &deal->buyer_id));
    TRY(wire_id(op, "seller_id", in->seller_id, &deal->seller_id));
    TRY(wire_id_or_none(op, "arbiter_id", in->arbiter_id, &deal->arbiter_id));
    TRY(wire_money(op, "price", in->price, &deal->currency, &deal->price_minor));
    deal->buyer_fee_minor = in->buyer_fee_minor;
    return wire_text(op, "description", in->description, 0, NEWS_DESCRIPTION_MAX_BYTES,
                     &deal->description);
}

static STATUS tell_amount(struct op *op, struct news *news, enum notice notice,
                          const Holdfast__Common__V1__Money *amount)
{
    enum currency currency;
    news->notice = notice;
    TRY(wire_money(op, "amount", amount, &currency, &news->amount_minor));
    news->currency = currency_name(currency);
    return OK;
}

static STATUS tell_detail(struct op *op, struct news *news, enum notice notice, const char *detail)
{
    news->notice = notice;
    return wire_text(op, "detail", detail, 0, NEWS_DETAIL_MAX_BYTES, &news->detail);
}

static STATUS tell_payment_failed(struct op *op, const wire_event *event, struct news *news)
{
    bool set_up = event->attention && event->attention->payment_setup_failed;
    return tell_detail(op, news, set_up ? NOTICE_PAYMENT_SETUP_FAILED : NOTICE_PAYMENT_DECLINED,
                       event->escrow_payment_failed->code);
}

/* Flagged money may be in a currency that is none of ours. */
static STATUS tell_suspended(struct op *op, const Holdfast__Escrow__V1__EscrowFundsSuspended *in,
                             struct news *news)
{
    news->notice = in->flagged ? NOTICE_FOREIGN_MONEY : NOTICE_FUNDS_SUSPENDED;
    news->amount_minor = in->amount ? in->amount->amount_minor : 0;
    return wire_text(op, "currency", in->currency, 0, NEWS_CURRENCY_MAX_BYTES, &news->currency);
}

static STATUS tell_disputed(struct op *op, const Holdfast__Escrow__V1__EscrowDisputed *in,
                            struct news *news)
{
    TRY(tell_detail(op, news, NOTICE_DISPUTED, in->reason));
    return tell_amount(op, news, NOTICE_DISPUTED, in->amount);
}

/* Each is told of his own part; the currency is the deal's. */
static void tell_parts(struct deal_event *event, enum notice notice, int64_t seller_minor,
                       int64_t buyer_minor)
{
    event->news.notice = notice;
    event->news.amount_minor = buyer_minor;
    event->seller_minor = seller_minor;
    event->divides = true;
}

/* By its title; nothing for a deal without milestones. */
static STATUS name_milestone(struct op *op, const wire_event *event, int64_t number,
                             struct news *news)
{
    bool known = number >= 1 && number <= (int64_t)event->n_milestones;
    const char *title = known ? event->milestones[number - 1]->title : "";
    return wire_text(op, "title", title, 0, NEWS_DETAIL_MAX_BYTES, &news->detail);
}

static STATUS tell_refund_started(struct op *op,
                                  const Holdfast__Escrow__V1__EscrowRefundStarted *in,
                                  struct news *news)
{
    TRY(tell_detail(op, news, NOTICE_REFUND_STARTED, in->reason));
    return tell_amount(op, news, NOTICE_REFUND_STARTED, in->amount);
}

/* Of an expired deal it is there for those who know only of cancelled ones: EscrowExpired is told. */
static STATUS tell_cancelled(struct op *op, const wire_event *event, struct news *news)
{
    if (event->state == HOLDFAST__ESCROW__V1__ESCROW_STATE__ESCROW_STATE_EXPIRED) {
        return OK;
    }
    return tell_detail(op, news, NOTICE_CANCELLED, event->escrow_cancelled->reason);
}

static STATUS tell_delivered(struct op *op, const wire_event *event, struct news *news)
{
    news->notice = NOTICE_DELIVERED;
    return name_milestone(op, event, event->escrow_delivered->milestone, news);
}

static STATUS tell_partially_released(struct op *op, const wire_event *event, struct news *news)
{
    const Holdfast__Escrow__V1__EscrowPartiallyReleased *told = event->escrow_partially_released;
    TRY(name_milestone(op, event, told->milestone, news));
    return tell_amount(op, news, NOTICE_PARTIALLY_RELEASED, told->seller_gets);
}

static STATUS tell_partially_refunded(struct op *op, const wire_event *event, struct news *news)
{
    const Holdfast__Escrow__V1__EscrowPartiallyRefunded *told = event->escrow_partially_refunded;
    TRY(name_milestone(op, event, told->milestone, news));
    return tell_amount(op, news, NOTICE_PARTIALLY_REFUNDED, told->buyer_gets);
}

static STATUS tell_resolved(struct op *op, const Holdfast__Escrow__V1__EscrowDisputeResolved *told,
                            struct deal_event *ret_event)
{
    tell_parts(ret_event, NOTICE_DISPUTE_RESOLVED, told->seller_gets_minor, told->buyer_gets_minor);
    return tell_detail(op, &ret_event->news, NOTICE_DISPUTE_RESOLVED, told->reason);
}

static STATUS read_body(struct op *op, const wire_event *event, struct deal_event *ret_event,
                        bool *ret_known)
{
    struct news *news = &ret_event->news;
    *ret_known = true;
    switch (event->body_case) {
    case CASE(ESCROW_CREATED): return read_created(op, event->escrow_created, ret_event);
    case CASE(ESCROW_AWAIT_FUNDS): news->notice = NOTICE_PAYMENT_READY; return OK;
    case CASE(ESCROW_FUNDS_HELD):
        return tell_amount(op, news, NOTICE_FUNDS_HELD, event->escrow_funds_held->amount);
    case CASE(ESCROW_DELIVERED): return tell_delivered(op, event, news);
    case CASE(ESCROW_RELEASE_STARTED):
        return tell_amount(op, news, NOTICE_RELEASE_STARTED, event->escrow_release_started->amount);
    case CASE(ESCROW_RELEASED):
        return tell_amount(op, news, NOTICE_RELEASED, event->escrow_released->amount);
    case CASE(ESCROW_PAYOUT_FAILED):
        return tell_detail(op, news, NOTICE_PAYOUT_FAILED, event->escrow_payout_failed->code);
    case CASE(ESCROW_CANCELLED): return tell_cancelled(op, event, news);
    case CASE(ESCROW_EXPIRED): news->notice = NOTICE_EXPIRED; return OK;
    case CASE(ESCROW_REFUND_STARTED):
        return tell_refund_started(op, event->escrow_refund_started, news);
    case CASE(ESCROW_REFUNDED):
        return tell_amount(op, news, NOTICE_REFUNDED, event->escrow_refunded->amount);
    case CASE(ESCROW_REFUND_FAILED):
        return tell_detail(op, news, NOTICE_REFUND_FAILED, event->escrow_refund_failed->code);
    case CASE(ESCROW_PAYMENT_FAILED): return tell_payment_failed(op, event, news);
    case CASE(ESCROW_FUNDS_SUSPENDED):
        return tell_suspended(op, event->escrow_funds_suspended, news);
    case CASE(ESCROW_SUSPENSE_REFUNDED):
        return tell_amount(op, news, NOTICE_SUSPENSE_REFUNDED,
                           event->escrow_suspense_refunded->amount);
    case CASE(ESCROW_REJECTED):
        return tell_detail(op, news, NOTICE_REJECTED, event->escrow_rejected->reason);
    case CASE(ESCROW_DISPUTED): return tell_disputed(op, event->escrow_disputed, news);
    case CASE(ESCROW_DISPUTE_WITHDRAWN): news->notice = NOTICE_DISPUTE_WITHDRAWN; return OK;
    case CASE(ESCROW_DISPUTE_ESCALATED): news->notice = NOTICE_DISPUTE_ESCALATED; return OK;
    case CASE(ESCROW_PARTIALLY_RELEASED): return tell_partially_released(op, event, news);
    case CASE(ESCROW_PART_PAID):
        return tell_amount(op, news, NOTICE_PART_PAID, event->escrow_part_paid->amount);
    case CASE(ESCROW_PARTIALLY_REFUNDED): return tell_partially_refunded(op, event, news);
    case CASE(ESCROW_PART_REFUNDED):
        return tell_amount(op, news, NOTICE_PART_REFUNDED, event->escrow_part_refunded->amount);
    case CASE(ESCROW_SPLIT_PROPOSED):
        tell_parts(ret_event, NOTICE_SPLIT_PROPOSED, event->escrow_split_proposed->seller_minor,
                   event->escrow_split_proposed->buyer_minor);
        return OK;
    case CASE(ESCROW_SPLIT_AGREED):
        tell_parts(ret_event, NOTICE_SPLIT_AGREED, event->escrow_split_agreed->seller_gets_minor,
                   event->escrow_split_agreed->buyer_gets_minor);
        return OK;
    case CASE(ESCROW_DISPUTE_RESOLVED):
        return tell_resolved(op, event->escrow_dispute_resolved, ret_event);
    case CASE(ESCROW_EVIDENCE_SUBMITTED):
        return tell_detail(op, news, NOTICE_EVIDENCE_SUBMITTED,
                           event->escrow_evidence_submitted->description);
    case CASE(ESCROW_SPLIT_WITHDRAWN): news->notice = NOTICE_SPLIT_WITHDRAWN; return OK;
    case CASE(ESCROW_SETTLED):         /* each was told when his part arrived */
    case CASE(ESCROW_RETURN_ACCEPTED): /* the refund follows at once, and says why */
    case CASE(ESCROW_FUNDS_RECEIVED):  /* what becomes of it follows at once */
    case CASE(ESCROW_PAYOUT_RETRIED):  /* so does what comes of it */
    case CASE(COMMAND_REJECTED): return OK;
    case CASE(_NOT_SET):
    case _HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY__CASE_IS_INT_SIZE: break;
    }
    *ret_known = false;
    return OK;
}

STATUS notifications_in_deals_decode(struct op *op, const struct bus_record *record,
                                     struct engine_message *ret_message)
{
    ProtobufCMessage *unpacked;
    TRY(wire_unpack(op, &holdfast__escrow__v1__escrow_event__descriptor, record->value,
                    WIRE_BUDGET_BYTES, &unpacked));
    const wire_event *in = (const wire_event *)unpacked;
    struct deal_event *event = arena_new(op->arena, struct deal_event, 1);
    if (!event) {
        return op_arena_full(op);
    }
    TRY(wire_meta_read(op, in->meta, ret_message));
    TRY(wire_id(op, "escrow_id", in->escrow_id, &event->news.escrow_id));
    TRY(wire_check_key(op, record, event->news.escrow_id));
    event->news.seq = in->seq;
    event->news.currency = STR("");
    event->news.detail = STR("");
    event->news.happened_at_us = in->meta->committed_at_us;
    bool known;
    TRY(read_body(op, in, event, &known));
    ret_message->skip = !known;
    ret_message->creates = event->created;
    ret_message->key = event->news.escrow_id;
    ret_message->type = (int32_t)in->body_case;
    ret_message->body = event;
    return OK;
}

/* None: the deal has nobody in this role. */
static struct id party(const struct deal *deal, enum role role)
{
    switch (role) {
    case ROLE_BUYER: return deal->buyer_id;
    case ROLE_SELLER: return deal->seller_id;
    case ROLE_ARBITER: return deal->arbiter_id;
    case ROLE_NONE:
    case ROLE_COUNT: break;
    }
    UNREACHABLE("role");
}

static STATUS tell(struct engine_turn *turn, const struct deal *deal,
                   const struct deal_event *event, enum role role)
{
    if (!notifications_text_is_told(event->news.notice, role) || id_is_none(party(deal, role))) {
        return OK;
    }
    struct news news = event->news;
    news.role = role;
    news.description = deal->description;
    if (event->divides) {
        news.currency = currency_name(deal->currency);
        news.amount_minor = role == ROLE_SELLER ? event->seller_minor : news.amount_minor;
    }
    if (news.notice ==
        NOTICE_PAYMENT_READY) { /* what is asked for, which that event does not repeat */
        TRY(money_add(engine_op(turn), deal->price_minor, deal->buyer_fee_minor,
                      &news.amount_minor));
        news.currency = currency_name(deal->currency);
    }
    return notifications_message_post(turn, party(deal, role), &news);
}

STATUS notifications_in_deals_decide(struct engine_turn *turn, const struct engine_message *message)
{
    const struct deal_event *event = message->body;
    const struct deal *deal = engine_aggregate(turn);
    if (event->created && !deal) {
        void *row;
        return engine_create(turn, &event->deal, &row);
    }
    if (!deal) {
        return OK; /* it began before what Kafka still has: who the parties are, nobody knows */
    }
    TRY(tell(turn, deal, event, ROLE_BUYER));
    TRY(tell(turn, deal, event, ROLE_SELLER));
    return tell(turn, deal, event, ROLE_ARBITER);
}
