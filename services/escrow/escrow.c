/* Names of the machine's parts, and what must always hold of its rows. Pure. */
#include "escrow/escrow.h"

#include "base/assert.h"
#include "base/sign.h"

#define US_PER_SECOND INT64_C(1000000)

const char *escrow_state_name(enum escrow_state state)
{
    switch (state) {
    case ESCROW_NONE: return "";
    case ESCROW_CREATED: return "CREATED";
    case ESCROW_AWAIT_FUNDS: return "AWAIT_FUNDS";
    case ESCROW_FUNDS_HELD: return "FUNDS_HELD";
    case ESCROW_DELIVERED: return "DELIVERED";
    case ESCROW_RELEASING: return "RELEASING";
    case ESCROW_RELEASED: return "RELEASED";
    case ESCROW_REFUNDING: return "REFUNDING";
    case ESCROW_REFUNDED: return "REFUNDED";
    case ESCROW_CANCELLED: return "CANCELLED";
    case ESCROW_EXPIRED: return "EXPIRED";
    case ESCROW_DELIVERY_REJECTED: return "DELIVERY_REJECTED";
    case ESCROW_DISPUTED: return "DISPUTED";
    case ESCROW_ESCALATED: return "ESCALATED";
    case ESCROW_SETTLING: return "SETTLING";
    case ESCROW_SETTLED_SPLIT: return "SETTLED_SPLIT";
    case ESCROW_PARTIALLY_SETTLED: return "PARTIALLY_SETTLED";
    case ESCROW_STATE_COUNT: break;
    }
    UNREACHABLE("escrow state");
}

const char *escrow_event_name(enum escrow_event event)
{
    switch (event) {
    case ESCROW_EVENT_NONE: return "";
    case ESCROW_EVENT_CREATED: return "EscrowCreated";
    case ESCROW_EVENT_AWAIT_FUNDS: return "EscrowAwaitFunds";
    case ESCROW_EVENT_FUNDS_RECEIVED: return "EscrowFundsReceived";
    case ESCROW_EVENT_FUNDS_HELD: return "EscrowFundsHeld";
    case ESCROW_EVENT_DELIVERED: return "EscrowDelivered";
    case ESCROW_EVENT_RELEASE_STARTED: return "EscrowReleaseStarted";
    case ESCROW_EVENT_RELEASED: return "EscrowReleased";
    case ESCROW_EVENT_PAYOUT_FAILED: return "EscrowPayoutFailed";
    case ESCROW_EVENT_CANCELLED: return "EscrowCancelled";
    case ESCROW_EVENT_REFUND_STARTED: return "EscrowRefundStarted";
    case ESCROW_EVENT_REFUNDED: return "EscrowRefunded";
    case ESCROW_EVENT_REFUND_FAILED: return "EscrowRefundFailed";
    case ESCROW_EVENT_PAYMENT_FAILED: return "EscrowPaymentFailed";
    case ESCROW_EVENT_FUNDS_SUSPENDED: return "EscrowFundsSuspended";
    case ESCROW_EVENT_SUSPENSE_REFUNDED: return "EscrowSuspenseRefunded";
    case ESCROW_EVENT_PAYOUT_RETRIED: return "EscrowPayoutRetried";
    case ESCROW_EVENT_EXPIRED: return "EscrowExpired";
    case ESCROW_EVENT_REJECTED: return "EscrowRejected";
    case ESCROW_EVENT_RETURN_ACCEPTED: return "EscrowReturnAccepted";
    case ESCROW_EVENT_DISPUTED: return "EscrowDisputed";
    case ESCROW_EVENT_DISPUTE_WITHDRAWN: return "EscrowDisputeWithdrawn";
    case ESCROW_EVENT_DISPUTE_ESCALATED: return "EscrowDisputeEscalated";
    case ESCROW_EVENT_PARTIALLY_RELEASED: return "EscrowPartiallyReleased";
    case ESCROW_EVENT_PART_PAID: return "EscrowPartPaid";
    case ESCROW_EVENT_SPLIT_PROPOSED: return "EscrowSplitProposed";
    case ESCROW_EVENT_SPLIT_AGREED: return "EscrowSplitAgreed";
    case ESCROW_EVENT_SETTLED: return "EscrowSettled";
    case ESCROW_EVENT_DISPUTE_RESOLVED: return "EscrowDisputeResolved";
    case ESCROW_EVENT_PARTIALLY_REFUNDED: return "EscrowPartiallyRefunded";
    case ESCROW_EVENT_PART_REFUNDED: return "EscrowPartRefunded";
    case ESCROW_EVENT_EVIDENCE_SUBMITTED: return "EscrowEvidenceSubmitted";
    case ESCROW_EVENT_SPLIT_WITHDRAWN: return "EscrowSplitWithdrawn";
    case ESCROW_EVENT_COUNT: break;
    }
    UNREACHABLE("escrow event");
}

const char *escrow_account_name(enum escrow_account account)
{
    switch (account) {
    case ESCROW_ACCOUNT_NONE: return "";
    case ESCROW_ACCOUNT_PSP_CLEAR: return "PSP_CLEAR";
    case ESCROW_ACCOUNT_ESCROW_IN: return "ESCROW_IN";
    case ESCROW_ACCOUNT_ESCROW_HELD: return "ESCROW_HELD";
    case ESCROW_ACCOUNT_DUE_SELLER: return "DUE_SELLER";
    case ESCROW_ACCOUNT_DUE_BUYER: return "DUE_BUYER";
    case ESCROW_ACCOUNT_SUSPENSE: return "SUSPENSE";
    case ESCROW_ACCOUNT_ESCROW_DISP: return "ESCROW_DISP";
    case ESCROW_ACCOUNT_FEE_DEFERRED: return "FEE_DEFERRED";
    case ESCROW_ACCOUNT_FEE_INC: return "FEE_INC";
    case ESCROW_ACCOUNT_COUNT: break;
    }
    UNREACHABLE("escrow account");
}

enum escrow_account_side escrow_account_side(enum escrow_account account)
{
    switch (account) {
    case ESCROW_ACCOUNT_PSP_CLEAR: return ESCROW_SIDE_ASSET;
    case ESCROW_ACCOUNT_ESCROW_IN:
    case ESCROW_ACCOUNT_ESCROW_HELD:
    case ESCROW_ACCOUNT_DUE_SELLER:
    case ESCROW_ACCOUNT_DUE_BUYER:
    case ESCROW_ACCOUNT_SUSPENSE:
    case ESCROW_ACCOUNT_ESCROW_DISP:
    case ESCROW_ACCOUNT_FEE_DEFERRED: return ESCROW_SIDE_LIABILITY;
    case ESCROW_ACCOUNT_FEE_INC: return ESCROW_SIDE_RESULT;
    case ESCROW_ACCOUNT_NONE: return ESCROW_SIDE_NONE;
    case ESCROW_ACCOUNT_COUNT: break;
    }
    UNREACHABLE("escrow account");
}

const char *escrow_timer_name(enum escrow_timer timer)
{
    switch (timer) {
    case ESCROW_TIMER_NONE: return "";
    case ESCROW_TIMER_FUNDING: return "FUNDING";
    case ESCROW_TIMER_DELIVERY: return "DELIVERY";
    case ESCROW_TIMER_INSPECTION: return "INSPECTION";
    case ESCROW_TIMER_ANSWER: return "ANSWER";
    case ESCROW_TIMER_DISPUTE: return "DISPUTE";
    case ESCROW_TIMER_ESCALATION: return "ESCALATION";
    case ESCROW_TIMER_COUNT: break;
    }
    UNREACHABLE("escrow timer");
}

enum escrow_timer escrow_timer_of(enum escrow_state state)
{
    switch (state) {
    case ESCROW_AWAIT_FUNDS: return ESCROW_TIMER_FUNDING;
    case ESCROW_FUNDS_HELD:
    case ESCROW_PARTIALLY_SETTLED: return ESCROW_TIMER_DELIVERY;
    case ESCROW_DELIVERED: return ESCROW_TIMER_INSPECTION;
    case ESCROW_DELIVERY_REJECTED: return ESCROW_TIMER_ANSWER;
    case ESCROW_DISPUTED: return ESCROW_TIMER_DISPUTE;
    case ESCROW_ESCALATED: return ESCROW_TIMER_ESCALATION;
    case ESCROW_NONE:
    case ESCROW_CREATED:
    case ESCROW_RELEASING:
    case ESCROW_RELEASED:
    case ESCROW_REFUNDING:
    case ESCROW_REFUNDED:
    case ESCROW_CANCELLED:
    case ESCROW_EXPIRED:
    case ESCROW_SETTLING:
    case ESCROW_SETTLED_SPLIT: return ESCROW_TIMER_NONE;
    case ESCROW_STATE_COUNT: break;
    }
    UNREACHABLE("escrow state");
}

int64_t escrow_period_us(const struct escrow *escrow, enum escrow_timer timer)
{
    switch (timer) {
    case ESCROW_TIMER_FUNDING: return escrow->funding_seconds * US_PER_SECOND;
    case ESCROW_TIMER_DELIVERY: return escrow->delivery_seconds * US_PER_SECOND;
    case ESCROW_TIMER_INSPECTION: return escrow->inspection_seconds * US_PER_SECOND;
    case ESCROW_TIMER_ANSWER: return ESCROW_ANSWER_SECONDS * US_PER_SECOND;
    case ESCROW_TIMER_DISPUTE: return ESCROW_DISPUTE_SECONDS * US_PER_SECOND;
    case ESCROW_TIMER_ESCALATION: return ESCROW_ESCALATION_SECONDS * US_PER_SECOND;
    case ESCROW_TIMER_NONE:
    case ESCROW_TIMER_COUNT: break;
    }
    UNREACHABLE("escrow timer");
}

int64_t escrow_kept_minor(const struct escrow *escrow)
{
    return escrow->held_minor + escrow->disputed_minor; /* one of them is 0 */
}

int64_t escrow_asked_minor(const struct escrow *escrow)
{
    return escrow->price_minor + escrow->buyer_fee_minor;
}

static int64_t fee_of(const struct escrow *escrow, int64_t fee_minor, int64_t part_minor)
{
    int64_t of_minor = 0;
    bool fits = fee_try_part(fee_minor, escrow->price_minor, part_minor, &of_minor);
    ASSERT(fits); /* the terms were accepted, and no part exceeds the price */
    return of_minor;
}

int64_t escrow_buyer_fee_of(const struct escrow *escrow, int64_t part_minor)
{
    return fee_of(escrow, escrow->buyer_fee_minor, part_minor);
}

int64_t escrow_seller_fee_of(const struct escrow *escrow, int64_t part_minor)
{
    return fee_of(escrow, escrow->seller_fee_minor, part_minor);
}

int64_t escrow_net_of_next(const struct escrow *escrow, int64_t amount_minor)
{
    int64_t before_minor = escrow_seller_fee_of(escrow, escrow->released_minor);
    return amount_minor -
           (escrow_seller_fee_of(escrow, escrow->released_minor + amount_minor) - before_minor);
}

/* What falls on what goes back is what no release of the rest could cost, so that both orders come to the same. */
int64_t escrow_back_of(const struct escrow *escrow, int64_t part_minor)
{
    int64_t fee_minor =
        escrow->buyer_fee_minor - escrow_buyer_fee_of(escrow, escrow->price_minor - part_minor);
    return part_minor + (escrow->fees.buyer_refundable ? fee_minor : 0);
}

int64_t escrow_back_minor(const struct escrow *escrow)
{
    return escrow_back_of(escrow, escrow->price_minor - escrow->released_minor);
}

int64_t escrow_refund_minor(const struct escrow *escrow)
{
    return escrow_back_minor(escrow) - escrow_back_of(escrow, escrow->returned_minor);
}

bool escrow_state_is_final(enum escrow_state state)
{
    return state == ESCROW_RELEASED || state == ESCROW_REFUNDED || state == ESCROW_CANCELLED ||
           state == ESCROW_EXPIRED || state == ESCROW_SETTLED_SPLIT;
}

bool escrow_state_is_disputed(enum escrow_state state)
{
    return state == ESCROW_DISPUTED || state == ESCROW_ESCALATED;
}

static bool sums_are_sound(const struct escrow *escrow)
{
    const int64_t parts[] = {
        escrow->held_minor,       escrow->disputed_minor,     escrow->suspense_minor,
        escrow->due_seller_minor, escrow->due_buyer_minor,    escrow->paid_out_minor,
        escrow->refunded_minor,   escrow->fee_deferred_minor, escrow->fee_minor};
    int64_t sum = 0;
    for (uint32_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i] < 0 || !money_try_add(sum, parts[i], &sum)) {
            return false;
        }
    }
    return sum == escrow->received_minor && escrow->in_minor == 0;
}

static bool holds_price(const struct escrow *escrow)
{
    return escrow->state == ESCROW_FUNDS_HELD || escrow->state == ESCROW_DELIVERED ||
           escrow->state == ESCROW_DELIVERY_REJECTED || escrow->state == ESCROW_PARTIALLY_SETTLED;
}

static bool releases(const struct escrow *escrow)
{
    return escrow->state == ESCROW_RELEASING || escrow->state == ESCROW_RELEASED;
}

static bool refunds(const struct escrow *escrow)
{
    return escrow->state == ESCROW_REFUNDING || escrow->state == ESCROW_REFUNDED;
}

static bool settles(const struct escrow *escrow)
{
    return escrow->state == ESCROW_SETTLING || escrow->state == ESCROW_SETTLED_SPLIT;
}

/* A refund of the price is under way, and nothing is held any more. */
static bool is_giving_back(const struct escrow *escrow)
{
    return escrow->state == ESCROW_REFUNDING || escrow->state == ESCROW_SETTLING;
}

/* What was not released or returned of the price is held, frozen or given back; before the price came nothing was. */
static bool price_is_placed(const struct escrow *escrow)
{
    int64_t gone_minor =
        escrow->released_minor + escrow->returned_minor; /* each is within the price */
    int64_t rest_minor = escrow->price_minor - gone_minor;
    bool held = holds_price(escrow);
    bool disputed = escrow_state_is_disputed(escrow->state);
    bool has_rest = held || disputed || refunds(escrow) || settles(escrow);
    bool gone_fits = releases(escrow) ? rest_minor == 0
                     : has_rest       ? rest_minor > 0
                                      : gone_minor == 0;
    bool some = (escrow->state != ESCROW_PARTIALLY_SETTLED || gone_minor > 0) &&
                ((!settles(escrow) && !releases(escrow)) || escrow->released_minor > 0);
    return gone_fits && some && escrow->held_minor == (held ? rest_minor : 0) &&
           escrow->disputed_minor == (disputed ? rest_minor : 0);
}

/* What was released is the seller's, less the fee: owed or paid. What went back is the buyer's, with the fee where the
 * terms say so. A deal ends when nothing is owed. */
static bool dues_are_sound(const struct escrow *escrow)
{
    int64_t net_minor =
        escrow->released_minor - escrow_seller_fee_of(escrow, escrow->released_minor);
    bool gives_rest = refunds(escrow) || settles(escrow);
    int64_t back_minor =
        gives_rest ? escrow_back_minor(escrow) : escrow_back_of(escrow, escrow->returned_minor);
    bool refunded = escrow->refunded_minor >= back_minor;
    bool owes_part = escrow->returned_minor > 0 && escrow->due_buyer_minor > 0;
    bool owes_seller = escrow->due_seller_minor > 0;
    if (escrow->due_seller_minor + escrow->paid_out_minor != net_minor ||
        escrow->due_buyer_minor + escrow->refunded_minor < back_minor) {
        return false;
    }
    if (is_giving_back(escrow)) {
        int64_t refund_minor = escrow_refund_minor(escrow);
        return escrow->due_buyer_minor >= refund_minor ||
               (escrow->refunded_minor >= refund_minor && (owes_seller || owes_part));
    }
    return (escrow->state != ESCROW_RELEASING || owes_seller || owes_part) &&
           (!escrow_state_is_final(escrow->state) || (refunded && !owes_seller));
}

/* What the fees come to with this price; parts of them can be reckoned. */
static bool fees_follow_terms(const struct escrow *escrow)
{
    struct fee_split split;
    int64_t unused;
    return fee_try_split(escrow->price_minor, &escrow->fees, &split) &&
           split.buyer_fee_minor == escrow->buyer_fee_minor &&
           split.seller_fee_minor == escrow->seller_fee_minor && escrow->released_minor >= 0 &&
           escrow->released_minor <= escrow->price_minor && escrow->returned_minor >= 0 &&
           escrow->returned_minor <= escrow->price_minor - escrow->released_minor &&
           fee_try_part(escrow->buyer_fee_minor, escrow->price_minor, escrow->price_minor,
                        &unused) &&
           fee_try_part(escrow->seller_fee_minor, escrow->price_minor, escrow->price_minor,
                        &unused);
}

/* Put aside while the price is held or disputed, and earned with what leaves: the buyer's on what is given back is kept
 * or given back with it. */
static bool fees_are_placed(const struct escrow *escrow)
{
    int64_t released_minor = escrow->released_minor;
    int64_t buyer_minor = escrow_buyer_fee_of(escrow, released_minor);
    int64_t until_back_minor =
        escrow_buyer_fee_of(escrow, escrow->price_minor - escrow->returned_minor);
    bool waits = holds_price(escrow) || escrow_state_is_disputed(escrow->state);
    bool gives_rest = refunds(escrow) || settles(escrow);
    int64_t back_minor = escrow->buyer_fee_minor - (gives_rest ? buyer_minor : until_back_minor);
    int64_t earned_minor = buyer_minor + escrow_seller_fee_of(escrow, released_minor);
    return escrow->fee_deferred_minor == (waits ? until_back_minor - buyer_minor : 0) &&
           escrow->fee_minor == earned_minor + (escrow->fees.buyer_refundable ? 0 : back_minor);
}

/* Which legs and failures can be in each state. */
static bool legs_are_sound(const struct escrow *escrow)
{
    bool unpaid = escrow->state == ESCROW_CREATED || escrow->state == ESCROW_AWAIT_FUNDS;
    return !id_is_none(escrow->paid_leg_id) && escrow->payout_failed_minor >= 0 &&
           escrow->payout_failed_minor <= escrow->due_seller_minor &&
           (releases(escrow) || settles(escrow)) == !id_is_none(escrow->payout_leg_id) &&
           (refunds(escrow) || settles(escrow)) == !id_is_none(escrow->refund_leg_id) &&
           (unpaid || !escrow->payment_setup_failed);
}

/* An offer is one of the two's, over what is held, and there is none where nothing is. */
static bool split_is_sound(const struct escrow *escrow)
{
    if (escrow->split_count < 0 || escrow->split_count > ESCROW_SPLITS_MAX) {
        return false;
    }
    if (id_is_none(escrow->split_by)) {
        return escrow->split_seller_minor == 0;
    }
    bool party =
        id_eq(escrow->split_by, escrow->buyer_id) || id_eq(escrow->split_by, escrow->seller_id);
    return party && escrow->split_count > 0 && escrow->split_seller_minor >= 0 &&
           escrow_kept_minor(escrow) > 0 && escrow->split_seller_minor <= escrow_kept_minor(escrow);
}

static bool has_milestones_or_none(const struct escrow *escrow)
{
    const struct hash none = {.bytes = {0}};
    bool has = escrow->milestone_count >= ESCROW_MILESTONES_MIN &&
               escrow->milestone_count <= ESCROW_MILESTONES_MAX;
    bool needs = escrow->state == ESCROW_PARTIALLY_SETTLED;
    return (has || (escrow->milestone_count == 0 && !needs)) &&
           has != hash_eq(&escrow->milestones_hash, &none);
}

/* A clock runs exactly in the states that end by themselves. */
static bool deadline_is_sound(const struct escrow *escrow)
{
    if (escrow_timer_of(escrow->state) == ESCROW_TIMER_NONE) {
        return escrow->deadline_seq == 0 && escrow->deadline_at_us == 0;
    }
    return escrow->deadline_seq >= 1 && escrow->deadline_seq <= escrow->seq &&
           escrow->deadline_at_us > 0;
}

/* A third person with a key, or none. */
static bool arbiter_is_sound(const struct escrow *escrow)
{
    if (id_is_none(escrow->arbiter_id)) {
        return escrow->arbiter_key.len == 0;
    }
    return escrow->arbiter_key.len == SIGN_PUBLIC_BYTES &&
           !id_eq(escrow->arbiter_id, escrow->buyer_id) &&
           !id_eq(escrow->arbiter_id, escrow->seller_id);
}

bool escrow_is_sound(const struct escrow *escrow)
{
    return escrow->state > ESCROW_NONE && escrow->state < ESCROW_STATE_COUNT &&
           escrow->version >= 1 && escrow->seq >= 1 && escrow->currency > CURRENCY_NONE &&
           escrow->currency < CURRENCY_COUNT && escrow->price_minor > 0 &&
           !id_is_none(escrow->id) && !id_eq(escrow->buyer_id, escrow->seller_id) &&
           escrow->refund_failed_minor >= 0 &&
           escrow->refund_failed_minor <= escrow->due_buyer_minor && sums_are_sound(escrow) &&
           fees_follow_terms(escrow) && fees_are_placed(escrow) && price_is_placed(escrow) &&
           dues_are_sound(escrow) && legs_are_sound(escrow) && split_is_sound(escrow) &&
           has_milestones_or_none(escrow) && deadline_is_sound(escrow) && arbiter_is_sound(escrow);
}

bool escrow_suspense_is_sound(const struct escrow_suspense *suspense)
{
    bool flagged = suspense->state == ESCROW_SUSPENSE_FLAGGED;
    return suspense->state > ESCROW_SUSPENSE_NONE &&
           suspense->state < ESCROW_SUSPENSE_STATE_COUNT && suspense->version >= 1 &&
           suspense->amount_minor > 0 && !id_is_none(suspense->leg_id) &&
           flagged == id_is_none(suspense->refund_leg_id);
}

/* The sums that the suspense rows stand for; false when they do not fit. */
struct suspense_sums {
    int64_t due_minor;
    int64_t failed_minor;
    bool foreign;
};

static bool sum_suspense(const struct escrow_suspense *const *suspense, uint32_t suspense_count,
                         struct suspense_sums *sums)
{
    for (uint32_t i = 0; i < suspense_count; i++) {
        const struct escrow_suspense *one = suspense[i];
        bool failed = one->state == ESCROW_SUSPENSE_REFUND_FAILED;
        bool due = failed || one->state == ESCROW_SUSPENSE_REFUNDING;
        sums->foreign = sums->foreign || one->state == ESCROW_SUSPENSE_FLAGGED;
        if ((due && !money_try_add(sums->due_minor, one->amount_minor, &sums->due_minor)) ||
            (failed &&
             !money_try_add(sums->failed_minor, one->amount_minor, &sums->failed_minor))) {
            return false;
        }
    }
    return true;
}

/* What the rows stand for that are owed to the buyer beside the rest of the price; false when they do not fit. */
static bool sum_debts(const struct escrow_debts *debts, struct suspense_sums *sums,
                      int64_t *ret_back_minor)
{
    int64_t failed_minor = 0;
    return sum_suspense(debts->suspense, debts->suspense_count, sums) &&
           escrow_parts_back(debts->parts, debts->part_count, ret_back_minor, &failed_minor) &&
           money_try_add(sums->due_minor, *ret_back_minor, &sums->due_minor) &&
           money_try_add(sums->failed_minor, failed_minor, &sums->failed_minor);
}

int64_t escrow_rest_refund_due_minor(const struct escrow *escrow, const struct escrow_debts *debts)
{
    struct suspense_sums sums = {0};
    int64_t back_minor = 0;
    return sum_debts(debts, &sums, &back_minor) ? escrow->due_buyer_minor - sums.due_minor : 0;
}

int64_t escrow_rest_refund_failed_minor(const struct escrow *escrow,
                                        const struct escrow_debts *debts)
{
    struct suspense_sums sums = {0};
    int64_t back_minor = 0;
    return sum_debts(debts, &sums, &back_minor) ? escrow->refund_failed_minor - sums.failed_minor
                                                : 0;
}

bool escrow_case_is_sound(const struct escrow *escrow, const struct escrow_debts *debts)
{
    struct suspense_sums sums = {0};
    int64_t back_minor = 0;
    for (uint32_t i = 0; i < debts->suspense_count; i++) {
        const struct escrow_suspense *one = debts->suspense[i];
        if (!escrow_suspense_is_sound(one) || !id_eq(one->escrow_id, escrow->id)) {
            return false;
        }
    }
    if (!escrow_is_sound(escrow) || !sum_debts(debts, &sums, &back_minor)) {
        return false;
    }
    /* No overflow: the row is sound, so these are parts of what was received. The rest is owed all of it or nothing:
     * nothing once it was given back, and the deal waits for a payout, or for a part to be back. */
    int64_t refund_minor = escrow->due_buyer_minor - sums.due_minor;
    bool waits = escrow->due_seller_minor > 0 || back_minor > 0;
    bool owed = is_giving_back(escrow) && refund_minor == escrow_refund_minor(escrow);
    bool given = escrow->state == ESCROW_RELEASING || is_giving_back(escrow) ? waits
                 : escrow_state_is_final(escrow->state)                      ? !waits
                                                                             : true;
    int64_t refund_failed_minor = escrow->refund_failed_minor - sums.failed_minor;
    return (refund_minor == 0 ? given : owed) && escrow->foreign_money == sums.foreign &&
           (refund_failed_minor == 0 || refund_failed_minor == refund_minor);
}

static bool dispute_is_sound(const struct escrow_dispute *dispute)
{
    bool settled = dispute->state == ESCROW_DISPUTE_SETTLED;
    int64_t awarded_minor = 0;
    return dispute->state > ESCROW_DISPUTE_NONE && dispute->state < ESCROW_DISPUTE_STATE_COUNT &&
           dispute->version >= 1 && dispute->number >= 1 &&
           dispute->number <= ESCROW_DISPUTES_MAX && !id_is_none(dispute->id) &&
           dispute->amount_minor > 0 && dispute->seller_minor >= 0 && dispute->buyer_minor >= 0 &&
           money_try_add(dispute->seller_minor, dispute->buyer_minor, &awarded_minor) &&
           awarded_minor == (settled ? dispute->amount_minor : 0) &&
           escrow_docket_is_sound(&dispute->docket[ESCROW_PARTY_BUYER]) &&
           escrow_docket_is_sound(&dispute->docket[ESCROW_PARTY_SELLER]) &&
           (dispute->before == ESCROW_FUNDS_HELD || dispute->before == ESCROW_DELIVERED ||
            dispute->before == ESCROW_DELIVERY_REJECTED ||
            dispute->before == ESCROW_PARTIALLY_SETTLED);
}

bool escrow_disputes_are_sound(const struct escrow *escrow,
                               const struct escrow_dispute *const *disputes, uint32_t dispute_count)
{
    int64_t open_minor = 0;
    uint32_t open = 0, numbers = 0;
    for (uint32_t i = 0; i < dispute_count; i++) {
        const struct escrow_dispute *one = disputes[i];
        if (!dispute_is_sound(one) || !id_eq(one->escrow_id, escrow->id) ||
            (!id_eq(one->raiser_id, escrow->buyer_id) &&
             !id_eq(one->raiser_id, escrow->seller_id))) {
            return false;
        }
        open += one->state == ESCROW_DISPUTE_OPEN ? 1 : 0;
        open_minor = one->state == ESCROW_DISPUTE_OPEN ? one->amount_minor : open_minor;
        numbers |= UINT32_C(1) << one->number;
    }
    /* Numbered from 1 on, each once. */
    bool numbered = numbers == (UINT32_C(1) << (dispute_count + 1)) - 2;
    bool disputed = escrow_state_is_disputed(escrow->state);
    return dispute_count <= ESCROW_DISPUTES_MAX && numbered && open == (disputed ? 1 : 0) &&
           open_minor == escrow->disputed_minor;
}
