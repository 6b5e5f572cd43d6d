/*
 * In: an escrow (or none), a message, facts. Out: what happens. What the table does not list is
 * refused (commands), shown to a person (news of money), or stale (timers).
 */
#include "escrow/escrow_decide.h"

#include "base/assert.h"
#include "escrow/escrow_deciding.h"

/* clang-format off */

/* News that comes in many states and means the same in each of them. */
#define PAYMENT_IS_OVER(state) \
    [ESCROW_INTENT_CREATED]  = {escrow_do_old_news, state, ESCROW_EVENT_NONE}, \
    [ESCROW_PAYMENT_FAILED]  = {escrow_do_old_news, state, ESCROW_EVENT_NONE}, \
    [ESCROW_PAYMENT_CANCELED] = {escrow_do_old_news, state, ESCROW_EVENT_NONE}
#define EXTRA_MONEY(state) \
    [ESCROW_PAYMENT_SUCCEEDED] = {escrow_do_unexpected_funds, state, ESCROW_EVENT_FUNDS_SUSPENDED}
#define REFUNDS_OF_SUSPENSE(state) \
    [ESCROW_REFUND_SUCCEEDED] = {escrow_do_refund_succeeded, state, ESCROW_EVENT_SUSPENSE_REFUNDED}, \
    [ESCROW_REFUND_FAILED]    = {escrow_do_refund_failed, state, ESCROW_EVENT_REFUND_FAILED}
/* Answers about the seller's parts, which are paid while the rest of the deal goes on. */
#define PAYOUTS_OF_PARTS(state) \
    [ESCROW_TRANSFER_SUCCEEDED] = {escrow_do_transfer_succeeded, state, ESCROW_EVENT_PART_PAID}, \
    [ESCROW_TRANSFER_FAILED]    = {escrow_do_transfer_failed, state, ESCROW_EVENT_PAYOUT_FAILED}
/* And about refunds of parts: while the rest is released, the last of them may be what the deal waits for. */
#define REFUNDS_OF_PARTS(state, when_done, when_failed) \
    [ESCROW_REFUND_SUCCEEDED] = {escrow_do_refund_succeeded, when_done, ESCROW_EVENT_PART_REFUNDED}, \
    [ESCROW_REFUND_FAILED]    = {escrow_do_refund_failed, when_failed, ESCROW_EVENT_REFUND_FAILED}
/* The two divide what is held. */
#define SPLIT(state) \
    [ESCROW_PROPOSE_SPLIT] = {escrow_do_propose_split, state, ESCROW_EVENT_SPLIT_PROPOSED}, \
    [ESCROW_ACCEPT_SPLIT]  = {escrow_do_accept_split, ESCROW_SETTLING, ESCROW_EVENT_SPLIT_AGREED}, \
    [ESCROW_WITHDRAW_SPLIT] = {escrow_do_withdraw_split, state, ESCROW_EVENT_SPLIT_WITHDRAWN}
/* The two show what they have, to whoever decides. */
#define EVIDENCE(state) \
    [ESCROW_SUBMIT_EVIDENCE] = {escrow_do_submit_evidence, state, ESCROW_EVENT_EVIDENCE_SUBMITTED}
#define RETRY(state) \
    [ESCROW_RETRY_PAYOUT] = {escrow_do_retry, state, ESCROW_EVENT_PAYOUT_RETRIED}

/* The whole life of an escrow: step, state after it, event. An empty cell refuses a command with
 * WRONG_STATE, shows news of payments to a person, and knows no clock. */
static const struct escrow_rule escrow_rules[ESCROW_STATE_COUNT][ESCROW_MESSAGE_KIND_COUNT] = {
    [ESCROW_NONE] = {
        [ESCROW_CREATE]            = {escrow_do_create, ESCROW_CREATED, ESCROW_EVENT_CREATED},
    },
    [ESCROW_CREATED] = {
        [ESCROW_CANCEL]            = {escrow_do_cancel, ESCROW_CANCELLED, ESCROW_EVENT_CANCELLED},
        [ESCROW_INTENT_CREATED]    = {escrow_do_intent_created, ESCROW_AWAIT_FUNDS, ESCROW_EVENT_AWAIT_FUNDS},
        [ESCROW_PAYMENT_SUCCEEDED] = {escrow_do_funds, ESCROW_FUNDS_HELD, ESCROW_EVENT_FUNDS_HELD},
        [ESCROW_PAYMENT_FAILED]    = {escrow_do_payment_failed, ESCROW_CREATED, ESCROW_EVENT_PAYMENT_FAILED},
        [ESCROW_PAYMENT_CANCELED]  = {escrow_do_payment_failed, ESCROW_CREATED, ESCROW_EVENT_PAYMENT_FAILED},
        REFUNDS_OF_SUSPENSE(ESCROW_CREATED),
        RETRY(ESCROW_CREATED),
    },
    [ESCROW_AWAIT_FUNDS] = {
        [ESCROW_CANCEL]            = {escrow_do_cancel, ESCROW_CANCELLED, ESCROW_EVENT_CANCELLED},
        [ESCROW_INTENT_CREATED]    = {escrow_do_intent_created, ESCROW_AWAIT_FUNDS, ESCROW_EVENT_AWAIT_FUNDS},
        [ESCROW_PAYMENT_SUCCEEDED] = {escrow_do_funds, ESCROW_FUNDS_HELD, ESCROW_EVENT_FUNDS_HELD},
        [ESCROW_PAYMENT_FAILED]    = {escrow_do_payment_failed, ESCROW_AWAIT_FUNDS, ESCROW_EVENT_PAYMENT_FAILED},
        [ESCROW_PAYMENT_CANCELED]  = {escrow_do_payment_failed, ESCROW_AWAIT_FUNDS, ESCROW_EVENT_PAYMENT_FAILED},
        [ESCROW_TIMER_FIRED]       = {escrow_do_expire, ESCROW_EXPIRED, ESCROW_EVENT_EXPIRED},
        REFUNDS_OF_SUSPENSE(ESCROW_AWAIT_FUNDS),
        RETRY(ESCROW_AWAIT_FUNDS),
    },
    [ESCROW_FUNDS_HELD] = {
        [ESCROW_MARK_DELIVERED]    = {escrow_do_deliver, ESCROW_DELIVERED, ESCROW_EVENT_DELIVERED},
        [ESCROW_RELEASE]           = {escrow_do_release_undelivered, ESCROW_PARTIALLY_SETTLED, ESCROW_EVENT_PARTIALLY_RELEASED},
        [ESCROW_CANCEL]            = {escrow_do_has_funds, ESCROW_FUNDS_HELD, ESCROW_EVENT_NONE},
        [ESCROW_REFUND]            = {escrow_do_refund, ESCROW_REFUNDING, ESCROW_EVENT_REFUND_STARTED},
        [ESCROW_TIMER_FIRED]       = {escrow_do_refund_undelivered, ESCROW_REFUNDING, ESCROW_EVENT_REFUND_STARTED},
        PAYMENT_IS_OVER(ESCROW_FUNDS_HELD),
        EXTRA_MONEY(ESCROW_FUNDS_HELD),
        REFUNDS_OF_SUSPENSE(ESCROW_FUNDS_HELD),
        PAYOUTS_OF_PARTS(ESCROW_FUNDS_HELD),
        RETRY(ESCROW_FUNDS_HELD),
        SPLIT(ESCROW_FUNDS_HELD),
        [ESCROW_RAISE_DISPUTE]     = {escrow_do_raise_dispute, ESCROW_DISPUTED, ESCROW_EVENT_DISPUTED},
        [ESCROW_RELEASE_PART]      = {escrow_do_release_part, ESCROW_FUNDS_HELD, ESCROW_EVENT_PARTIALLY_RELEASED},
    },
    [ESCROW_DELIVERED] = {
        [ESCROW_MARK_DELIVERED]    = {escrow_do_deliver_next, ESCROW_DELIVERED, ESCROW_EVENT_DELIVERED},
        [ESCROW_RELEASE]           = {escrow_do_release, ESCROW_RELEASING, ESCROW_EVENT_RELEASE_STARTED},
        [ESCROW_CANCEL]            = {escrow_do_has_funds, ESCROW_DELIVERED, ESCROW_EVENT_NONE},
        [ESCROW_REFUND]            = {escrow_do_refund, ESCROW_REFUNDING, ESCROW_EVENT_REFUND_STARTED},
        [ESCROW_TIMER_FIRED]       = {escrow_do_release_inspected, ESCROW_RELEASING, ESCROW_EVENT_RELEASE_STARTED},
        PAYMENT_IS_OVER(ESCROW_DELIVERED),
        EXTRA_MONEY(ESCROW_DELIVERED),
        REFUNDS_OF_SUSPENSE(ESCROW_DELIVERED),
        PAYOUTS_OF_PARTS(ESCROW_DELIVERED),
        RETRY(ESCROW_DELIVERED),
        SPLIT(ESCROW_DELIVERED),
        [ESCROW_RAISE_DISPUTE]     = {escrow_do_raise_dispute, ESCROW_DISPUTED, ESCROW_EVENT_DISPUTED},
        [ESCROW_RELEASE_PART]      = {escrow_do_release_part, ESCROW_DELIVERED, ESCROW_EVENT_PARTIALLY_RELEASED},
        [ESCROW_REJECT_DELIVERY]   = {escrow_do_reject, ESCROW_DELIVERY_REJECTED, ESCROW_EVENT_REJECTED},
    },
    [ESCROW_PARTIALLY_SETTLED] = {
        [ESCROW_MARK_DELIVERED]    = {escrow_do_deliver, ESCROW_DELIVERED, ESCROW_EVENT_DELIVERED},
        [ESCROW_RELEASE]           = {escrow_do_release_undelivered, ESCROW_RELEASING, ESCROW_EVENT_RELEASE_STARTED},
        [ESCROW_CANCEL]            = {escrow_do_has_funds, ESCROW_PARTIALLY_SETTLED, ESCROW_EVENT_NONE},
        [ESCROW_REFUND]            = {escrow_do_refund, ESCROW_REFUNDING, ESCROW_EVENT_REFUND_STARTED},
        [ESCROW_TIMER_FIRED]       = {escrow_do_refund_undelivered, ESCROW_REFUNDING, ESCROW_EVENT_REFUND_STARTED},
        PAYMENT_IS_OVER(ESCROW_PARTIALLY_SETTLED),
        EXTRA_MONEY(ESCROW_PARTIALLY_SETTLED),
        REFUNDS_OF_SUSPENSE(ESCROW_PARTIALLY_SETTLED),
        PAYOUTS_OF_PARTS(ESCROW_PARTIALLY_SETTLED),
        RETRY(ESCROW_PARTIALLY_SETTLED),
        SPLIT(ESCROW_PARTIALLY_SETTLED),
        [ESCROW_RAISE_DISPUTE]     = {escrow_do_raise_dispute, ESCROW_DISPUTED, ESCROW_EVENT_DISPUTED},
        [ESCROW_RELEASE_PART]      = {escrow_do_release_part, ESCROW_PARTIALLY_SETTLED, ESCROW_EVENT_PARTIALLY_RELEASED},
    },
    [ESCROW_DELIVERY_REJECTED] = {
        [ESCROW_MARK_DELIVERED]    = {escrow_do_deliver_next, ESCROW_DELIVERED, ESCROW_EVENT_DELIVERED},
        [ESCROW_RELEASE]           = {escrow_do_release, ESCROW_RELEASING, ESCROW_EVENT_RELEASE_STARTED},
        [ESCROW_CANCEL]            = {escrow_do_has_funds, ESCROW_DELIVERY_REJECTED, ESCROW_EVENT_NONE},
        [ESCROW_REFUND]            = {escrow_do_refund, ESCROW_REFUNDING, ESCROW_EVENT_REFUND_STARTED},
        [ESCROW_ACCEPT_RETURN]     = {escrow_do_accept_return, ESCROW_REFUNDING, ESCROW_EVENT_REFUND_STARTED},
        [ESCROW_TIMER_FIRED]       = {escrow_do_refund_unanswered, ESCROW_REFUNDING, ESCROW_EVENT_REFUND_STARTED},
        PAYMENT_IS_OVER(ESCROW_DELIVERY_REJECTED),
        EXTRA_MONEY(ESCROW_DELIVERY_REJECTED),
        REFUNDS_OF_SUSPENSE(ESCROW_DELIVERY_REJECTED),
        PAYOUTS_OF_PARTS(ESCROW_DELIVERY_REJECTED),
        RETRY(ESCROW_DELIVERY_REJECTED),
        SPLIT(ESCROW_DELIVERY_REJECTED),
        [ESCROW_RAISE_DISPUTE]     = {escrow_do_raise_dispute, ESCROW_DISPUTED, ESCROW_EVENT_DISPUTED},
    },
    [ESCROW_DISPUTED] = {
        [ESCROW_RELEASE]           = {escrow_do_concede_release, ESCROW_RELEASING, ESCROW_EVENT_RELEASE_STARTED},
        [ESCROW_CANCEL]            = {escrow_do_has_funds, ESCROW_DISPUTED, ESCROW_EVENT_NONE},
        [ESCROW_REFUND]            = {escrow_do_concede_refund, ESCROW_REFUNDING, ESCROW_EVENT_REFUND_STARTED},
        [ESCROW_RAISE_DISPUTE]     = {escrow_do_disputed_already, ESCROW_DISPUTED, ESCROW_EVENT_NONE},
        [ESCROW_WITHDRAW_DISPUTE]  = {escrow_do_withdraw_dispute, ESCROW_DISPUTED, ESCROW_EVENT_DISPUTE_WITHDRAWN},
        [ESCROW_TIMER_FIRED]       = {escrow_do_plain, ESCROW_ESCALATED, ESCROW_EVENT_DISPUTE_ESCALATED},
        PAYMENT_IS_OVER(ESCROW_DISPUTED),
        EXTRA_MONEY(ESCROW_DISPUTED),
        REFUNDS_OF_SUSPENSE(ESCROW_DISPUTED),
        PAYOUTS_OF_PARTS(ESCROW_DISPUTED),
        RETRY(ESCROW_DISPUTED),
        SPLIT(ESCROW_DISPUTED),
        EVIDENCE(ESCROW_DISPUTED),
    },
    [ESCROW_ESCALATED] = {
        [ESCROW_RELEASE]           = {escrow_do_concede_release, ESCROW_RELEASING, ESCROW_EVENT_RELEASE_STARTED},
        [ESCROW_CANCEL]            = {escrow_do_has_funds, ESCROW_ESCALATED, ESCROW_EVENT_NONE},
        [ESCROW_REFUND]            = {escrow_do_concede_refund, ESCROW_REFUNDING, ESCROW_EVENT_REFUND_STARTED},
        [ESCROW_RAISE_DISPUTE]     = {escrow_do_disputed_already, ESCROW_ESCALATED, ESCROW_EVENT_NONE},
        [ESCROW_WITHDRAW_DISPUTE]  = {escrow_do_withdraw_dispute, ESCROW_ESCALATED, ESCROW_EVENT_DISPUTE_WITHDRAWN},
        [ESCROW_RESOLVE_DISPUTE]   = {escrow_do_resolve_dispute, ESCROW_SETTLING, ESCROW_EVENT_DISPUTE_RESOLVED},
        [ESCROW_TIMER_FIRED]       = {escrow_do_refund_unresolved, ESCROW_REFUNDING, ESCROW_EVENT_REFUND_STARTED},
        PAYMENT_IS_OVER(ESCROW_ESCALATED),
        EXTRA_MONEY(ESCROW_ESCALATED),
        REFUNDS_OF_SUSPENSE(ESCROW_ESCALATED),
        PAYOUTS_OF_PARTS(ESCROW_ESCALATED),
        RETRY(ESCROW_ESCALATED),
        SPLIT(ESCROW_ESCALATED),
        EVIDENCE(ESCROW_ESCALATED),
    },
    [ESCROW_RELEASING] = {
        [ESCROW_CANCEL]            = {escrow_do_has_funds, ESCROW_RELEASING, ESCROW_EVENT_NONE},
        [ESCROW_TRANSFER_SUCCEEDED] = {escrow_do_transfer_succeeded, ESCROW_RELEASED, ESCROW_EVENT_RELEASED},
        [ESCROW_TRANSFER_FAILED]   = {escrow_do_transfer_failed, ESCROW_RELEASING, ESCROW_EVENT_PAYOUT_FAILED},
        PAYMENT_IS_OVER(ESCROW_RELEASING),
        EXTRA_MONEY(ESCROW_RELEASING),
        REFUNDS_OF_PARTS(ESCROW_RELEASING, ESCROW_RELEASED, ESCROW_RELEASING),
        RETRY(ESCROW_RELEASING),
    },
    [ESCROW_RELEASED] = {
        [ESCROW_TRANSFER_SUCCEEDED] = {escrow_do_transfer_succeeded, ESCROW_RELEASED, ESCROW_EVENT_RELEASED},
        [ESCROW_TRANSFER_FAILED]   = {escrow_do_transfer_failed, ESCROW_RELEASED, ESCROW_EVENT_PAYOUT_FAILED},
        PAYMENT_IS_OVER(ESCROW_RELEASED),
        EXTRA_MONEY(ESCROW_RELEASED),
        /* As below, of a part that had gone back. */
        REFUNDS_OF_PARTS(ESCROW_RELEASED, ESCROW_RELEASED, ESCROW_RELEASING),
        RETRY(ESCROW_RELEASED),
    },
    [ESCROW_REFUNDING] = {
        [ESCROW_CANCEL]            = {escrow_do_has_funds, ESCROW_REFUNDING, ESCROW_EVENT_NONE},
        [ESCROW_REFUND_SUCCEEDED]  = {escrow_do_refund_succeeded, ESCROW_REFUNDED, ESCROW_EVENT_REFUNDED},
        [ESCROW_REFUND_FAILED]     = {escrow_do_refund_failed, ESCROW_REFUNDING, ESCROW_EVENT_REFUND_FAILED},
        [ESCROW_TRANSFER_SUCCEEDED] = {escrow_do_transfer_succeeded, ESCROW_REFUNDED, ESCROW_EVENT_PART_PAID},
        [ESCROW_TRANSFER_FAILED]   = {escrow_do_transfer_failed, ESCROW_REFUNDING, ESCROW_EVENT_PAYOUT_FAILED},
        PAYMENT_IS_OVER(ESCROW_REFUNDING),
        EXTRA_MONEY(ESCROW_REFUNDING),
        RETRY(ESCROW_REFUNDING),
    },
    [ESCROW_REFUNDED] = {
        PAYMENT_IS_OVER(ESCROW_REFUNDED),
        [ESCROW_REFUND_SUCCEEDED]  = {escrow_do_refund_succeeded, ESCROW_REFUNDED, ESCROW_EVENT_SUSPENSE_REFUNDED},
        /* A bank can send a refund back. No command leads out of here, but this fact does. */
        [ESCROW_REFUND_FAILED]     = {escrow_do_refund_failed, ESCROW_REFUNDING, ESCROW_EVENT_REFUND_FAILED},
        PAYOUTS_OF_PARTS(ESCROW_REFUNDED),
        EXTRA_MONEY(ESCROW_REFUNDED),
        RETRY(ESCROW_REFUNDED),
    },
    [ESCROW_SETTLING] = {
        [ESCROW_CANCEL]            = {escrow_do_has_funds, ESCROW_SETTLING, ESCROW_EVENT_NONE},
        [ESCROW_REFUND_SUCCEEDED]  = {escrow_do_refund_succeeded, ESCROW_SETTLED_SPLIT, ESCROW_EVENT_REFUNDED},
        [ESCROW_REFUND_FAILED]     = {escrow_do_refund_failed, ESCROW_SETTLING, ESCROW_EVENT_REFUND_FAILED},
        [ESCROW_TRANSFER_SUCCEEDED] = {escrow_do_transfer_succeeded, ESCROW_SETTLED_SPLIT, ESCROW_EVENT_PART_PAID},
        [ESCROW_TRANSFER_FAILED]   = {escrow_do_transfer_failed, ESCROW_SETTLING, ESCROW_EVENT_PAYOUT_FAILED},
        PAYMENT_IS_OVER(ESCROW_SETTLING),
        EXTRA_MONEY(ESCROW_SETTLING),
        RETRY(ESCROW_SETTLING),
    },
    [ESCROW_SETTLED_SPLIT] = {
        PAYMENT_IS_OVER(ESCROW_SETTLED_SPLIT),
        [ESCROW_REFUND_SUCCEEDED]  = {escrow_do_refund_succeeded, ESCROW_SETTLED_SPLIT, ESCROW_EVENT_SUSPENSE_REFUNDED},
        [ESCROW_REFUND_FAILED]     = {escrow_do_refund_failed, ESCROW_SETTLING, ESCROW_EVENT_REFUND_FAILED},
        PAYOUTS_OF_PARTS(ESCROW_SETTLED_SPLIT),
        EXTRA_MONEY(ESCROW_SETTLED_SPLIT),
        RETRY(ESCROW_SETTLED_SPLIT),
    },
    [ESCROW_CANCELLED] = {
        PAYMENT_IS_OVER(ESCROW_CANCELLED),
        EXTRA_MONEY(ESCROW_CANCELLED),
        REFUNDS_OF_SUSPENSE(ESCROW_CANCELLED),
        RETRY(ESCROW_CANCELLED),
    },
    [ESCROW_EXPIRED] = {
        PAYMENT_IS_OVER(ESCROW_EXPIRED),
        EXTRA_MONEY(ESCROW_EXPIRED),
        REFUNDS_OF_SUSPENSE(ESCROW_EXPIRED),
        RETRY(ESCROW_EXPIRED),
    },
};

enum role {
    ROLE_STRANGER = 0, /* SYSTEM too: no service may command an escrow */
    ROLE_BUYER,
    ROLE_SELLER,
    ROLE_ARBITER,
    ROLE_MARKETPLACE,
    ROLE_STAFF,
};

#define MAY(role) (1U << (role))

static const uint32_t escrow_rights[ESCROW_MESSAGE_KIND_COUNT] = {
    [ESCROW_CREATE]         = MAY(ROLE_MARKETPLACE),
    [ESCROW_MARK_DELIVERED] = MAY(ROLE_SELLER),
    [ESCROW_RELEASE]        = MAY(ROLE_BUYER),
    [ESCROW_CANCEL]         = MAY(ROLE_BUYER) | MAY(ROLE_SELLER) | MAY(ROLE_MARKETPLACE) | MAY(ROLE_STAFF),
    [ESCROW_REFUND]         = MAY(ROLE_SELLER) | MAY(ROLE_STAFF),
    [ESCROW_RETRY_PAYOUT]   = MAY(ROLE_STAFF),
    [ESCROW_REJECT_DELIVERY] = MAY(ROLE_BUYER),
    [ESCROW_ACCEPT_RETURN]  = MAY(ROLE_SELLER),
    [ESCROW_RAISE_DISPUTE]  = MAY(ROLE_BUYER) | MAY(ROLE_SELLER),
    [ESCROW_WITHDRAW_DISPUTE] = MAY(ROLE_BUYER) | MAY(ROLE_SELLER),
    [ESCROW_RELEASE_PART]   = MAY(ROLE_BUYER),
    [ESCROW_PROPOSE_SPLIT]  = MAY(ROLE_BUYER) | MAY(ROLE_SELLER),
    [ESCROW_ACCEPT_SPLIT]   = MAY(ROLE_BUYER) | MAY(ROLE_SELLER),
    [ESCROW_RESOLVE_DISPUTE] = MAY(ROLE_ARBITER) | MAY(ROLE_STAFF),
    [ESCROW_SUBMIT_EVIDENCE] = MAY(ROLE_BUYER) | MAY(ROLE_SELLER),
    [ESCROW_WITHDRAW_SPLIT] = MAY(ROLE_BUYER) | MAY(ROLE_SELLER),
};

/* clang-format on */

static enum role role_of_user(const struct escrow *now, struct id user_id)
{
    if (id_eq(user_id, now->buyer_id)) {
        return ROLE_BUYER;
    }
    if (id_eq(user_id, now->seller_id)) {
        return ROLE_SELLER;
    }
    bool arbiter = !id_is_none(now->arbiter_id) && id_eq(user_id, now->arbiter_id);
    return arbiter ? ROLE_ARBITER : ROLE_STRANGER;
}

static enum role role_of(const struct escrow *now, const struct escrow_message *message)
{
    struct id actor_id = message->actor.id;
    bool creates = message->kind == ESCROW_CREATE;
    switch (message->actor.kind) {
    case ENGINE_ACTOR_STAFF: return ROLE_STAFF;
    case ENGINE_ACTOR_MARKETPLACE: {
        bool own = id_eq(actor_id, creates ? message->terms.marketplace_id : now->marketplace_id);
        return own ? ROLE_MARKETPLACE : ROLE_STRANGER;
    }
    case ENGINE_ACTOR_USER: return creates ? ROLE_STRANGER : role_of_user(now, actor_id);
    case ENGINE_ACTOR_NONE:
    case ENGINE_ACTOR_SYSTEM:
    case ENGINE_ACTOR_COUNT: break;
    }
    return ROLE_STRANGER;
}

static void decide_command(struct deciding *d)
{
    bool creates = d->message->kind == ESCROW_CREATE;
    if (!d->now && !creates) {
        deciding_reject(d, ESCROW_REASON_UNKNOWN);
    } else if ((escrow_rights[d->message->kind] & MAY(role_of(d->now, d->message))) == 0) {
        deciding_reject(d, ESCROW_REASON_NOT_ALLOWED);
    } else if (d->now && creates) {
        deciding_reject(d, ESCROW_REASON_EXISTS);
    } else if (!d->rule->step) {
        deciding_reject(d, ESCROW_REASON_WRONG_STATE);
    } else {
        d->rule->step(d);
    }
}

static void decide_news(struct deciding *d)
{
    if (!d->now) {
        d->out->verdict = ESCROW_MISSING;
    } else if (!d->rule->step) {
        deciding_park(d, ESCROW_REASON_UNEXPECTED);
    } else {
        d->rule->step(d);
    }
}

/* A firing that crossed what stopped or restarted its clock is stale: nobody hears of it. */
static void decide_timer(struct deciding *d)
{
    const struct escrow_message *message = d->message;
    if (!d->now) {
        d->out->verdict = ESCROW_MISSING;
    } else if (!d->rule->step || message->timer != escrow_timer_of(d->now->state) ||
               message->generation != d->now->deadline_seq) {
        deciding_ignore(d);
    } else if (message->fired_at_us < d->now->deadline_at_us) {
        deciding_park(d, ESCROW_REASON_EARLY_TIMER);
    } else {
        d->rule->step(d);
    }
}

struct escrow_debts escrow_debts_of(const struct escrow_facts *facts)
{
    return (struct escrow_debts){.suspense = facts->suspense,
                                 .suspense_count = facts->suspense_count,
                                 .parts = facts->parts,
                                 .part_count = facts->part_count};
}

struct escrow_decision escrow_decide(const struct escrow *now, const struct escrow_message *message,
                                     const struct escrow_facts *facts)
{
    const struct escrow_debts debts = escrow_debts_of(facts);
    ASSERT(escrow_message_is_sound(message));
    ASSERT(!now || escrow_case_is_sound(now, &debts));
    ASSERT(!now || escrow_disputes_are_sound(now, facts->disputes, facts->dispute_count));
    ASSERT(!now || escrow_parts_are_sound(now, facts->parts, facts->part_count));
    ASSERT(!now || escrow_milestones_are_sound(now, facts->milestones, facts->milestone_count));
    struct escrow_decision out = {.verdict = ESCROW_VERDICT_NONE};
    if (now) {
        out.next = *now;
    }
    struct deciding d = {.now = now, .message = message, .facts = facts, .out = &out};
    d.rule = &escrow_rules[now ? now->state : ESCROW_NONE][message->kind];
    if (escrow_message_is_command(message->kind)) {
        decide_command(&d);
    } else if (message->kind == ESCROW_TIMER_FIRED) {
        decide_timer(&d);
    } else {
        decide_news(&d);
    }
    if (out.verdict == ESCROW_VERDICT_NONE) {
        ASSERT(out.step_count > 0);
        out.verdict = ESCROW_ACCEPT;
        out.next.version++;
        out.next.updated_at_us = facts->now_us;
        ASSERT(escrow_is_sound(&out.next));
    }
    return out;
}

/* ---- Names and shapes ---- */

enum escrow_state escrow_state_when_over(enum escrow_state state)
{
    return escrow_rules[state][ESCROW_TIMER_FIRED].next;
}

bool escrow_message_is_command(enum escrow_message_kind kind)
{
    return kind >= ESCROW_CREATE && kind <= ESCROW_WITHDRAW_SPLIT;
}

uint32_t escrow_legs_wanted(enum escrow_message_kind kind)
{
    switch (kind) {
    case ESCROW_CREATE:
    case ESCROW_RELEASE:
    case ESCROW_REFUND:
    case ESCROW_ACCEPT_RETURN:
    case ESCROW_RAISE_DISPUTE:
    case ESCROW_RELEASE_PART:
    case ESCROW_PAYMENT_SUCCEEDED:
    case ESCROW_TIMER_FIRED: return 1;
    case ESCROW_ACCEPT_SPLIT:
    case ESCROW_RESOLVE_DISPUTE: return 2;
    case ESCROW_RETRY_PAYOUT: return ESCROW_LEGS_MAX;
    case ESCROW_MESSAGE_NONE:
    case ESCROW_MARK_DELIVERED:
    case ESCROW_CANCEL:
    case ESCROW_REJECT_DELIVERY:
    case ESCROW_WITHDRAW_DISPUTE:
    case ESCROW_PROPOSE_SPLIT:
    case ESCROW_SUBMIT_EVIDENCE:
    case ESCROW_WITHDRAW_SPLIT:
    case ESCROW_INTENT_CREATED:
    case ESCROW_PAYMENT_FAILED:
    case ESCROW_PAYMENT_CANCELED:
    case ESCROW_TRANSFER_SUCCEEDED:
    case ESCROW_TRANSFER_FAILED:
    case ESCROW_REFUND_SUCCEEDED:
    case ESCROW_REFUND_FAILED: return 0;
    case ESCROW_MESSAGE_KIND_COUNT: break;
    }
    UNREACHABLE("escrow message kind");
}

static bool is_currency_code(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 'A' || text.ptr[i] > 'Z') {
            return false;
        }
    }
    return text.len == 3 || text.len == 4;
}

bool escrow_message_is_sound(const struct escrow_message *message)
{
    enum escrow_message_kind kind = message->kind;
    bool known = kind > ESCROW_MESSAGE_NONE && kind < ESCROW_MESSAGE_KIND_COUNT;
    if (!known || id_is_none(message->escrow_id)) {
        return false;
    }
    if (escrow_message_is_command(kind)) {
        return message->actor.kind > ENGINE_ACTOR_NONE && message->actor.kind < ENGINE_ACTOR_COUNT;
    }
    if (kind == ESCROW_TIMER_FIRED) { /* by nobody: whoever set it did not do this */
        return message->actor.kind == ENGINE_ACTOR_SYSTEM && message->timer > ESCROW_TIMER_NONE &&
               message->timer < ESCROW_TIMER_COUNT && message->generation >= 1 &&
               message->fired_at_us > 0;
    }
    bool has_amount = kind == ESCROW_PAYMENT_SUCCEEDED || kind == ESCROW_TRANSFER_SUCCEEDED ||
                      kind == ESCROW_REFUND_SUCCEEDED;
    bool has_stage = message->stage > ESCROW_STAGE_NONE && message->stage < ESCROW_STAGE_COUNT;
    return !id_is_none(message->leg_id) && (!has_amount || message->amount_minor > 0) &&
           (kind != ESCROW_PAYMENT_SUCCEEDED || is_currency_code(message->currency)) &&
           (kind != ESCROW_PAYMENT_FAILED || has_stage);
}

const char *escrow_message_name(enum escrow_message_kind kind)
{
    switch (kind) {
    case ESCROW_MESSAGE_NONE: return "";
    case ESCROW_CREATE: return "CreateEscrow";
    case ESCROW_MARK_DELIVERED: return "MarkDelivered";
    case ESCROW_RELEASE: return "ReleaseFunds";
    case ESCROW_CANCEL: return "CancelEscrow";
    case ESCROW_REFUND: return "Refund";
    case ESCROW_RETRY_PAYOUT: return "RetryPayout";
    case ESCROW_REJECT_DELIVERY: return "RejectDelivery";
    case ESCROW_ACCEPT_RETURN: return "AcceptReturn";
    case ESCROW_RAISE_DISPUTE: return "RaiseDispute";
    case ESCROW_WITHDRAW_DISPUTE: return "WithdrawDispute";
    case ESCROW_RELEASE_PART: return "ReleasePart";
    case ESCROW_PROPOSE_SPLIT: return "ProposeSplit";
    case ESCROW_ACCEPT_SPLIT: return "AcceptSplit";
    case ESCROW_RESOLVE_DISPUTE: return "ResolveDispute";
    case ESCROW_SUBMIT_EVIDENCE: return "SubmitEvidence";
    case ESCROW_WITHDRAW_SPLIT: return "WithdrawSplit";
    case ESCROW_INTENT_CREATED: return "PaymentIntentCreated";
    case ESCROW_PAYMENT_SUCCEEDED: return "PaymentSucceeded";
    case ESCROW_PAYMENT_FAILED: return "PaymentFailed";
    case ESCROW_PAYMENT_CANCELED: return "PaymentCanceled";
    case ESCROW_TRANSFER_SUCCEEDED: return "TransferSucceeded";
    case ESCROW_TRANSFER_FAILED: return "TransferFailed";
    case ESCROW_REFUND_SUCCEEDED: return "RefundSucceeded";
    case ESCROW_REFUND_FAILED: return "RefundFailed";
    case ESCROW_TIMER_FIRED: return "TimerFired";
    case ESCROW_MESSAGE_KIND_COUNT: break;
    }
    UNREACHABLE("escrow message kind");
}
