#include "gateway/gateway_decide.h"

#include "base/assert.h"

/* The sums, flags and the deadline as the event tells them: they are the whole truth after it, not a difference. */
static void take_sums(struct gateway_view *view, const struct gateway_view *told)
{
    view->seq = told->seq;
    view->state = told->state;
    view->received_minor = told->received_minor;
    view->held_minor = told->held_minor;
    view->disputed_minor = told->disputed_minor;
    view->suspense_minor = told->suspense_minor;
    view->due_seller_minor = told->due_seller_minor;
    view->due_buyer_minor = told->due_buyer_minor;
    view->paid_out_minor = told->paid_out_minor;
    view->refunded_minor = told->refunded_minor;
    view->fee_deferred_minor = told->fee_deferred_minor;
    view->fee_minor = told->fee_minor;
    view->released_minor = told->released_minor;
    view->returned_minor = told->returned_minor;
    view->milestones = told->milestones;
    view->split_number = told->split_number;
    view->split_by = told->split_by;
    view->split_seller_minor = told->split_seller_minor;
    view->split_buyer_minor = told->split_buyer_minor;
    view->payout_failed_minor = told->payout_failed_minor;
    view->refund_failed_minor = told->refund_failed_minor;
    view->payment_setup_failed = told->payment_setup_failed;
    view->foreign_money = told->foreign_money;
    view->deadline_at_us = told->deadline_at_us;
    view->deadline_state = told->deadline_state;
    view->docket = told->docket;
    if (told->dispute_number > 0) { /* only the event that raises one says it */
        view->dispute_number = told->dispute_number;
    }
}

static void take_terms(struct gateway_view *view, const struct gateway_view *told, int64_t at_us)
{
    view->currency = told->currency;
    view->price_minor = told->price_minor;
    view->marketplace_id = told->marketplace_id;
    view->buyer_id = told->buyer_id;
    view->seller_id = told->seller_id;
    view->arbiter_id = told->arbiter_id;
    view->arbiter_key = told->arbiter_key;
    view->seller_account = told->seller_account;
    view->funding_seconds = told->funding_seconds;
    view->delivery_seconds = told->delivery_seconds;
    view->inspection_seconds = told->inspection_seconds;
    view->fees = told->fees;
    view->description = told->description;
    view->created_at_us = at_us;
}

enum gateway_verdict gateway_decide(const struct gateway_view *now, const struct gateway_news *news,
                                    struct id escrow_id, int64_t at_us,
                                    struct gateway_view *ret_next)
{
    struct gateway_view next = now ? *now : (struct gateway_view){.id = escrow_id};
    next.version++;
    if (at_us > next.updated_at_us) {
        next.updated_at_us = at_us;
    }
    switch (news->kind) {
    case GATEWAY_NEWS_REFUSED: return GATEWAY_UNCHANGED;
    case GATEWAY_NEWS_PAYMENT:
        next.payment_ref = news->told.payment_ref;
        next.payment_client_secret = news->told.payment_client_secret;
        *ret_next = next;
        return GATEWAY_STORE;
    case GATEWAY_NEWS_CREATED:
    case GATEWAY_NEWS_CHANGED: {
        bool creates = news->kind == GATEWAY_NEWS_CREATED;
        if (!creates && next.seq == 0) {
            return GATEWAY_MISSING;
        }
        if (news->told.seq != next.seq + 1) {
            return GATEWAY_GAP;
        }
        take_sums(&next, &news->told);
        if (creates) {
            take_terms(&next, &news->told, at_us);
        }
        *ret_next = next;
        return GATEWAY_STORE;
    }
    case GATEWAY_NEWS_NONE:
    case GATEWAY_NEWS_KIND_COUNT: break;
    }
    UNREACHABLE("gateway news");
}
