/*
 * Prints the whole machine: its numbers, and what happens in every (state, message, role). The
 * output is golden/escrow_table.txt; whoever changes the machine changes that file and is seen.
 */
#include "escrow/testing/escrow_table.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/defer.h"
#include "escrow/testing/escrow_fixture.h"

static const char *request_name(enum escrow_request_kind kind)
{
    switch (kind) {
    case ESCROW_REQUEST_NONE: return "";
    case ESCROW_REQUEST_CREATE_PAYMENT_INTENT: return "CreatePaymentIntent";
    case ESCROW_REQUEST_CANCEL_PAYMENT: return "CancelPayment";
    case ESCROW_REQUEST_TRANSFER_TO_SELLER: return "TransferToSeller";
    case ESCROW_REQUEST_REFUND_BUYER: return "RefundBuyer";
    case ESCROW_REQUEST_KIND_COUNT: break;
    }
    UNREACHABLE("escrow request kind");
}

const struct table_role table_roles[TABLE_ROLES] = {
    {"BUYER", ENGINE_ACTOR_USER, 0xb0},
    {"SELLER", ENGINE_ACTOR_USER, 0xc0},
    {"OTHER_USER", ENGINE_ACTOR_USER, 0xf0},
    {"MARKETPLACE", ENGINE_ACTOR_MARKETPLACE, 0xa0},
    {"OTHER_MARKETPLACE", ENGINE_ACTOR_MARKETPLACE, 0xf0},
    {"STAFF", ENGINE_ACTOR_STAFF, 0xd0},
    {"SYSTEM", ENGINE_ACTOR_SYSTEM, 0},
};

static const char *const verdicts[ESCROW_VERDICT_COUNT] = {
    [ESCROW_VERDICT_NONE] = "?", [ESCROW_ACCEPT] = "accept", [ESCROW_REJECT] = "reject",
    [ESCROW_IGNORE] = "ignore",  [ESCROW_PARK] = "park",     [ESCROW_MISSING] = "missing",
};

static void print_flags(const struct escrow *now, const struct escrow *next)
{
    if (next->payment_setup_failed != (now && now->payment_setup_failed)) {
        printf(" %csetup_failed", next->payment_setup_failed ? '+' : '-');
    }
    if (next->foreign_money != (now && now->foreign_money)) {
        printf(" %cforeign_money", next->foreign_money ? '+' : '-');
    }
    if (next->payout_failed_minor != (now ? now->payout_failed_minor : 0)) {
        printf(" payout_failed=%" PRId64, next->payout_failed_minor);
    }
    if (next->refund_failed_minor != (now ? now->refund_failed_minor : 0)) {
        printf(" refund_failed=%" PRId64, next->refund_failed_minor);
    }
}

static void print_steps(const struct escrow_decision *decision)
{
    for (uint32_t i = 0; i < decision->step_count; i++) {
        const struct escrow_step *step = &decision->steps[i];
        printf(" %s", escrow_event_name(step->event));
        for (uint32_t m = 0; m < step->move_count; m++) {
            const struct escrow_move *move = &step->moves[m];
            printf(" [%s>%s %" PRId64 " " STR_FMT "]", escrow_account_name(move->debit),
                   escrow_account_name(move->credit), move->amount_minor, STR_ARG(move->currency));
        }
    }
}

static void print_timers(const struct escrow_decision *decision)
{
    for (uint32_t i = 0; i < decision->timer_count; i++) {
        const struct escrow_timer_order *order = &decision->timers[i];
        const char *name = escrow_timer_name(order->timer);
        if (order->due_at_us > 0) {
            printf(" <SetTimer %s %" PRId64 " in %" PRId64 " s>", name, order->generation,
                   (order->due_at_us - FIXTURE_NOW_US) / 1000000);
        } else {
            printf(" <CancelTimer %s %" PRId64 ">", name, order->generation);
        }
    }
}

void table_print_cell(const struct fixture *fixture, const struct escrow_message *message,
                      const char *what)
{
    const struct escrow *now = fixture->escrow.state == ESCROW_NONE ? NULL : &fixture->escrow;
    struct escrow_decision decision = escrow_decide(now, message, &fixture->facts);
    printf("%-17s %-20s %-22s %s", now ? escrow_state_name(now->state) : "-",
           escrow_message_name(message->kind), what, verdicts[decision.verdict]);
    if (decision.reason != ESCROW_REASON_NONE) {
        printf(" %s", escrow_reason_text(decision.reason)->code);
    }
    if (decision.verdict == ESCROW_ACCEPT) {
        printf(" -> %s:", escrow_state_name(decision.next.state));
        print_steps(&decision);
        for (uint32_t i = 0; i < decision.request_count; i++) {
            const struct escrow_request *request = &decision.requests[i];
            printf(" {%s", request_name(request->kind));
            if (request->amount_minor > 0) {
                printf(" %" PRId64, request->amount_minor);
            }
            if (!id_is_none(request->paid_leg_id)) {
                printf(" of %02x", request->paid_leg_id.bytes[0]);
            }
            printf("}");
        }
        if (decision.has_dispute) {
            printf(" dispute %" PRId64 " state %d", decision.dispute.row.number,
                   (int)decision.dispute.row.state);
        }
        for (uint32_t i = 0; i < decision.milestone_count; i++) {
            printf(" milestone %" PRId64 " %s", decision.milestones[i].row.number,
                   escrow_milestone_state_name(decision.milestones[i].row.state));
        }
        for (uint32_t i = 0; i < decision.part_count; i++) {
            printf(" part %" PRId64 " of %" PRId64 "%s state %d", decision.parts[i].row.number,
                   decision.parts[i].row.price_minor, decision.parts[i].row.to_buyer ? " back" : "",
                   (int)decision.parts[i].row.state);
        }
        print_timers(&decision);
        print_flags(now, &decision.next);
    }
    printf("\n");
}

static void print_commands(const struct fixture *fixture)
{
    for (enum escrow_message_kind kind = ESCROW_CREATE; escrow_message_is_command(kind); kind++) {
        for (size_t i = 0; i < TABLE_ROLES; i++) {
            struct escrow_message message = fixture_message(kind);
            message.actor.kind = table_roles[i].kind;
            message.actor.id =
                table_roles[i].id != 0 ? fixture_id(table_roles[i].id) : (struct id){0};
            table_print_cell(fixture, &message, table_roles[i].name);
        }
    }
}

static void print_payments_in(const struct fixture *fixture)
{
    struct escrow_message message = fixture_message(ESCROW_PAYMENT_SUCCEEDED);
    table_print_cell(fixture, &message, "price, asked leg");
    message.amount_minor = FIXTURE_PRICE_MINOR - 1;
    table_print_cell(fixture, &message, "less, asked leg");
    message.leg_id = FIXTURE_OTHER_LEG;
    table_print_cell(fixture, &message, "less, other leg");
    message.amount_minor = FIXTURE_PRICE_MINOR + 1;
    table_print_cell(fixture, &message, "more, other leg");
    message.amount_minor = FIXTURE_PRICE_MINOR;
    table_print_cell(fixture, &message, "price, other leg");
    message.currency = STR("EUR");
    table_print_cell(fixture, &message, "foreign, other leg");
    message.leg_id = FIXTURE_EXTRA_LEG;
    table_print_cell(fixture, &message, "foreign, extra leg");

    const enum escrow_message_kind kinds[] = {ESCROW_INTENT_CREATED, ESCROW_PAYMENT_FAILED,
                                              ESCROW_PAYMENT_CANCELED};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        message = fixture_message(kinds[i]);
        table_print_cell(fixture, &message, "asked leg");
        message.leg_id = FIXTURE_OTHER_LEG;
        table_print_cell(fixture, &message, "other leg");
    }
    message = fixture_message(ESCROW_PAYMENT_FAILED);
    message.stage = ESCROW_STAGE_CHARGE;
    table_print_cell(fixture, &message, "charge, asked leg");
}

static void print_payments_out(const struct fixture *fixture, enum escrow_message_kind first)
{
    for (enum escrow_message_kind kind = first; kind <= ESCROW_REFUND_FAILED; kind++) {
        struct escrow_message message = fixture_message(kind);
        table_print_cell(fixture, &message, "own leg");
        message.amount_minor--;
        table_print_cell(fixture, &message, "own leg, less");
        message = fixture_message(kind);
        message.leg_id = FIXTURE_OTHER_LEG;
        table_print_cell(fixture, &message, "other leg");
        message.leg_id = FIXTURE_EXTRA_REFUND_LEG;
        message.amount_minor = FIXTURE_SUSPENSE_MINOR;
        table_print_cell(fixture, &message, "extra's leg");
    }
}

static void print_firings(const struct fixture *fixture)
{
    struct escrow_message message = fixture_message(ESCROW_TIMER_FIRED);
    for (enum escrow_timer timer = ESCROW_TIMER_FUNDING; timer < ESCROW_TIMER_COUNT; timer++) {
        message.timer = timer;
        table_print_cell(fixture, &message, escrow_timer_name(timer));
    }
    message.timer = escrow_timer_of(fixture->escrow.state);
    if (message.timer == ESCROW_TIMER_NONE) {
        return;
    }
    message.generation = FIXTURE_DEADLINE_SEQ - 1;
    table_print_cell(fixture, &message, "its own, older");
    message.generation = FIXTURE_DEADLINE_SEQ + 1;
    table_print_cell(fixture, &message, "its own, newer");
    message.generation = FIXTURE_DEADLINE_SEQ;
    message.fired_at_us--;
    table_print_cell(fixture, &message, "its own, too early");
}

static void print_state(enum escrow_state state)
{
    struct fixture fixture;
    fixture_init(&fixture, state == ESCROW_NONE ? ESCROW_CREATED : state);
    fixture.escrow.state = state;
    printf("\n## %s\n", state == ESCROW_NONE ? "no such escrow" : escrow_state_name(state));
    print_commands(&fixture);
    print_payments_in(&fixture);
    print_payments_out(&fixture, ESCROW_TRANSFER_SUCCEEDED);
    print_firings(&fixture);
    if (state == ESCROW_NONE) {
        return;
    }
    for (enum escrow_suspense_state s = ESCROW_SUSPENSE_FLAGGED; s < ESCROW_SUSPENSE_STATE_COUNT;
         s++) {
        fixture_init(&fixture, state);
        fixture_add_suspense(&fixture, s);
        printf("# and %d minor units in suspense, state %d\n", FIXTURE_SUSPENSE_MINOR, (int)s);
        struct escrow_message message = fixture_message(ESCROW_RETRY_PAYOUT);
        table_print_cell(&fixture, &message, "STAFF");
        message = fixture_message(ESCROW_PAYMENT_SUCCEEDED);
        message.leg_id = FIXTURE_EXTRA_LEG;
        table_print_cell(&fixture, &message, "price, extra leg");
        print_payments_out(&fixture, ESCROW_REFUND_SUCCEEDED);
    }
}

/* Each of the things that a retry is for, in the states where it can be. */
static void print_retries(void)
{
    struct fixture fixture;
    struct escrow_message message = fixture_message(ESCROW_RETRY_PAYOUT);
    printf("\n## what a retry sends again\n");
    for (enum escrow_state state = ESCROW_CREATED; state <= ESCROW_AWAIT_FUNDS; state++) {
        fixture_init(&fixture, state);
        fixture.escrow.payment_setup_failed = true;
        table_print_cell(&fixture, &message, "set-up failed");
    }
    fixture_init(&fixture, ESCROW_RELEASING);
    fixture.escrow.payout_failed_minor = FIXTURE_PRICE_MINOR;
    table_print_cell(&fixture, &message, "payout failed");
    struct escrow_message answer = fixture_message(ESCROW_TRANSFER_SUCCEEDED);
    table_print_cell(&fixture, &answer, "after it failed");
    answer = fixture_message(ESCROW_TRANSFER_FAILED);
    table_print_cell(&fixture, &answer, "after it failed");
    fixture_init(&fixture, ESCROW_REFUNDING);
    fixture_add_suspense(&fixture, ESCROW_SUSPENSE_REFUND_FAILED);
    fixture.escrow.refund_failed_minor = FIXTURE_PRICE_MINOR + FIXTURE_SUSPENSE_MINOR;
    table_print_cell(&fixture, &message, "both refunds failed");
    print_payments_out(&fixture, ESCROW_REFUND_SUCCEEDED);
}

/* What is held is divided: an offer of the seller's is open, and then there is none any more. */
static void print_splits(void)
{
    const struct fee_terms fees = FIXTURE_FEES(/* refundable */ true);
    printf("\n## the seller offers %d of what is held for himself\n", FIXTURE_SPLIT_MINOR);
    for (enum escrow_state state = ESCROW_FUNDS_HELD; state <= ESCROW_ESCALATED; state++) {
        struct fixture fixture;
        fixture_init_with(&fixture, state, &fees);
        if (escrow_kept_minor(&fixture.escrow) == 0) {
            continue;
        }
        fixture_add_offer(&fixture, FIXTURE_SELLER);
        struct escrow_message message = fixture_message(ESCROW_ACCEPT_SPLIT);
        message.actor = (struct engine_actor){ENGINE_ACTOR_USER, FIXTURE_BUYER};
        table_print_cell(&fixture, &message, "BUYER");
        message.number = 2;
        table_print_cell(&fixture, &message, "BUYER, another offer");
        message.number = 1;
        message.actor.id = FIXTURE_SELLER;
        table_print_cell(&fixture, &message, "SELLER");
        message.actor.id = FIXTURE_BUYER;
        fixture.escrow.split_seller_minor = 0;
        table_print_cell(&fixture, &message, "BUYER, nothing of it");
        fixture.escrow.split_seller_minor = FIXTURE_PRICE_MINOR;
        table_print_cell(&fixture, &message, "BUYER, all of it");
        message = fixture_message(ESCROW_PROPOSE_SPLIT);
        message.actor = (struct engine_actor){ENGINE_ACTOR_USER, FIXTURE_BUYER};
        message.buyer_minor++;
        table_print_cell(&fixture, &message, "BUYER, more than held");
        message = fixture_message(ESCROW_WITHDRAW_SPLIT);
        message.actor = (struct engine_actor){ENGINE_ACTOR_USER, FIXTURE_BUYER};
        table_print_cell(&fixture, &message, "BUYER");
        message.actor.id = FIXTURE_SELLER;
        table_print_cell(&fixture, &message, "SELLER");
        message.number++;
        table_print_cell(&fixture, &message, "SELLER, another offer");
    }
}

static void print_evidence(void)
{
    struct fixture fixture;
    struct escrow_message message = fixture_message(ESCROW_SUBMIT_EVIDENCE);
    printf("\n## evidence in an escalated dispute: just too late, and just in time\n");
    fixture_init(&fixture, ESCROW_ESCALATED);
    message.actor = (struct engine_actor){ENGINE_ACTOR_USER, FIXTURE_BUYER};
    fixture.escrow.deadline_at_us +=
        (int64_t)(ESCROW_ESCALATION_SECONDS - ESCROW_EVIDENCE_SECONDS) * 1000000;
    table_print_cell(&fixture, &message, "BUYER, too late");
    fixture.escrow.deadline_at_us++;
    table_print_cell(&fixture, &message, "BUYER");
}

/* A deal with an arbiter: in every state, his signed verdict, and staff's just before and just when it is staff's turn. */
static void print_verdicts(void)
{
    const struct fee_terms fees = FIXTURE_FEES(/* refundable */ true);
    printf("\n## with an arbiter, who gives %d of what is frozen to the seller\n",
           FIXTURE_SPLIT_MINOR);
    for (enum escrow_state state = ESCROW_CREATED; state < ESCROW_STATE_COUNT; state++) {
        struct fixture fixture;
        fixture_init_with(&fixture, state, &fees);
        fixture_add_arbiter(&fixture);
        struct escrow_message message;
        for (enum escrow_message_kind kind = ESCROW_CREATE; escrow_message_is_command(kind);
             kind++) {
            if (kind == ESCROW_RESOLVE_DISPUTE) { /* signed: below */
                continue;
            }
            message = fixture_message(kind);
            message.actor = (struct engine_actor){ENGINE_ACTOR_USER, FIXTURE_ARBITER};
            table_print_cell(&fixture, &message, "ARBITER");
        }
        message = fixture_verdict(&fixture);
        table_print_cell(&fixture, &message, "ARBITER");
        if (state != ESCROW_ESCALATED) {
            continue;
        }
        message.number = 2;
        table_print_cell(&fixture, &message, "ARBITER, other dispute");
        message.number = 1;
        message.text = STR("Why");
        table_print_cell(&fixture, &message, "ARBITER, other reason");
        message.seller_minor = FIXTURE_PRICE_MINOR;
        message.buyer_minor = 0;
        fixture_sign(&fixture, &message);
        table_print_cell(&fixture, &message, "ARBITER, all of it");
        message.seller_minor = 0;
        message.buyer_minor = FIXTURE_PRICE_MINOR;
        fixture_sign(&fixture, &message);
        table_print_cell(&fixture, &message, "ARBITER, nothing of it");
        message.head.bytes[0]++;
        table_print_cell(&fixture, &message, "ARBITER, other head");
        message = fixture_message(ESCROW_RESOLVE_DISPUTE);
        fixture.escrow.deadline_at_us =
            FIXTURE_NOW_US +
            (int64_t)(ESCROW_ESCALATION_SECONDS - ESCROW_ARBITER_SECONDS) * 1000000 + 1;
        table_print_cell(&fixture, &message, "STAFF, too early");
        fixture.escrow.deadline_at_us--;
        table_print_cell(&fixture, &message, "STAFF");
    }
}

/* Where fees make a difference; with a fee that a refund keeps, and one that it gives back. */
static void print_fees(bool refundable)
{
    const struct fee_terms fees = FIXTURE_FEES(refundable);
    struct fixture fixture;
    printf("\n## with fees: the buyer's 280 %s\n",
           refundable ? "goes back with a refund" : "is kept by a refund");
    struct escrow_message message = fixture_message(ESCROW_CREATE);
    message.terms.fees = fees;
    message.actor = (struct engine_actor){ENGINE_ACTOR_MARKETPLACE, FIXTURE_MARKETPLACE};
    fixture_init_with(&fixture, ESCROW_CREATED, &fees);
    fixture.escrow.state = ESCROW_NONE;
    table_print_cell(&fixture, &message, "MARKETPLACE");
    for (enum escrow_state state = ESCROW_CREATED; state < ESCROW_STATE_COUNT; state++) {
        fixture_init_with(&fixture, state, &fees);
        message = fixture_message(ESCROW_PAYMENT_SUCCEEDED);
        table_print_cell(&fixture, &message, "price alone, asked leg");
        message.amount_minor = FIXTURE_ASKED_MINOR;
        table_print_cell(&fixture, &message, "all, asked leg");
        message = fixture_message(ESCROW_RELEASE);
        message.actor = (struct engine_actor){ENGINE_ACTOR_USER, FIXTURE_BUYER};
        table_print_cell(&fixture, &message, "BUYER");
        message = fixture_message(ESCROW_REFUND);
        table_print_cell(&fixture, &message, "STAFF");
        message = fixture_message(ESCROW_TIMER_FIRED);
        message.timer = escrow_timer_of(state);
        if (message.timer != ESCROW_TIMER_NONE) {
            table_print_cell(&fixture, &message, escrow_timer_name(message.timer));
        }
        message = fixture_message(ESCROW_TRANSFER_SUCCEEDED);
        table_print_cell(&fixture, &message, "own leg, the price");
        message.amount_minor = FIXTURE_NET_MINOR;
        table_print_cell(&fixture, &message, "own leg, its net");
        message = fixture_message(ESCROW_REFUND_SUCCEEDED);
        table_print_cell(&fixture, &message, "own leg, the price");
        message.amount_minor = FIXTURE_ASKED_MINOR;
        table_print_cell(&fixture, &message, "own leg, all");
        message = fixture_message(ESCROW_REFUND_FAILED);
        table_print_cell(&fixture, &message, "own leg");
    }
    fixture_init_with(&fixture, ESCROW_AWAIT_FUNDS, &fees);
    fixture.escrow.payment_setup_failed = true;
    message = fixture_message(ESCROW_RETRY_PAYOUT);
    table_print_cell(&fixture, &message, "set-up failed");
    fixture_init_with(&fixture, ESCROW_RELEASING, &fees);
    fixture.escrow.payout_failed_minor = FIXTURE_NET_MINOR;
    table_print_cell(&fixture, &message, "payout failed");
    fixture_init_with(&fixture, ESCROW_REFUNDING, &fees);
    fixture.escrow.refund_failed_minor = fixture.escrow.due_buyer_minor;
    table_print_cell(&fixture, &message, "refund failed");
}

/* Where a part of the price was released before; in all states that a price can be in, with what became of its payout. */
static void print_parts(enum escrow_state state, enum escrow_part_state part)
{
    static const enum escrow_message_kind of_users[] = {
        ESCROW_RELEASE,         ESCROW_RELEASE_PART,    ESCROW_REFUND,
        ESCROW_ACCEPT_RETURN,   ESCROW_RAISE_DISPUTE,   ESCROW_MARK_DELIVERED,
        ESCROW_REJECT_DELIVERY, ESCROW_WITHDRAW_DISPUTE};

    bool ended = escrow_state_is_final(state);
    if (ended && part != ESCROW_PART_PAID) {
        return;
    }
    struct fixture fixture;
    fixture_init_with(&fixture, state, &FIXTURE_FEES(true));
    fixture_add_part(&fixture, part);
    printf("# and a part of %d, state %d\n", FIXTURE_PART_MINOR, (int)part);
    for (size_t i = 0; i < ARRAY_LEN(of_users); i++) {
        for (size_t r = 0; r < 2; r++) { /* buyer, seller */
            struct escrow_message message = fixture_message(of_users[i]);
            message.actor.kind = table_roles[r].kind;
            message.actor.id = fixture_id(table_roles[r].id);
            table_print_cell(&fixture, &message, table_roles[r].name);
        }
    }
    struct escrow_message message = fixture_message(ESCROW_RETRY_PAYOUT);
    table_print_cell(&fixture, &message, "STAFF");
    message = fixture_message(ESCROW_TIMER_FIRED);
    message.timer = escrow_timer_of(state);
    if (message.timer != ESCROW_TIMER_NONE) {
        table_print_cell(&fixture, &message, escrow_timer_name(message.timer));
    }
    for (enum escrow_message_kind kind = ESCROW_TRANSFER_SUCCEEDED; kind <= ESCROW_TRANSFER_FAILED;
         kind++) {
        message = fixture_message(kind);
        message.leg_id = FIXTURE_PART_LEG;
        message.amount_minor = FIXTURE_PART_NET_MINOR;
        table_print_cell(&fixture, &message, "part's leg, its net");
        message.leg_id = FIXTURE_PAYOUT_LEG;
        table_print_cell(&fixture, &message, "rest's leg, part's net");
        message.amount_minor = FIXTURE_NET_MINOR - FIXTURE_PART_NET_MINOR;
        table_print_cell(&fixture, &message, "rest's leg, its net");
    }
    message = fixture_message(ESCROW_REFUND_SUCCEEDED);
    message.amount_minor = FIXTURE_ASKED_MINOR;
    table_print_cell(&fixture, &message, "own leg, all");
    message.amount_minor = FIXTURE_ASKED_MINOR - FIXTURE_PART_MINOR - FIXTURE_PART_BUYER_FEE_MINOR;
    table_print_cell(&fixture, &message, "own leg, what is left");
    message.kind = ESCROW_REFUND_FAILED;
    table_print_cell(&fixture, &message, "own leg");
}

int main(void)
{
    printf("# Printed by escrow_table. Every cell of the escrow machine.\n\n## numbers\n");
    for (enum escrow_state state = ESCROW_CREATED; state < ESCROW_STATE_COUNT; state++) {
        printf("state %d %s%s\n", (int)state, escrow_state_name(state),
               escrow_state_is_final(state) ? " final" : "");
    }
    for (enum escrow_event event = ESCROW_EVENT_CREATED; event < ESCROW_EVENT_COUNT; event++) {
        printf("event %d %s\n", (int)event, escrow_event_name(event));
    }
    for (enum escrow_account account = ESCROW_ACCOUNT_PSP_CLEAR; account < ESCROW_ACCOUNT_COUNT;
         account++) {
        printf("account %d %s\n", (int)account, escrow_account_name(account));
    }
    printf("dispute_states %d\n", (int)ESCROW_DISPUTE_STATE_COUNT - 1);
    printf("disputes_max %d\n", ESCROW_DISPUTES_MAX);
    printf("part_states %d\n", (int)ESCROW_PART_STATE_COUNT - 1);
    printf("parts_max %d\n", ESCROW_PARTS_MAX);
    for (int state = ESCROW_MILESTONE_OPEN; state < ESCROW_MILESTONE_STATE_COUNT; state++) {
        printf("milestone_state %d %s\n", state,
               escrow_milestone_state_name((enum escrow_milestone_state)state));
    }
    printf("milestones %d %d\n", ESCROW_MILESTONES_MIN, ESCROW_MILESTONES_MAX);
    printf("splits_max %d\n", ESCROW_SPLITS_MAX);
    printf("suspense_states %d\n", (int)ESCROW_SUSPENSE_STATE_COUNT - 1);
    for (enum escrow_message_kind kind = ESCROW_CREATE; kind < ESCROW_MESSAGE_KIND_COUNT; kind++) {
        const char *from = escrow_message_is_command(kind) ? "command" : "news";
        printf("%s %s\n", kind == ESCROW_TIMER_FIRED ? "firing" : from, escrow_message_name(kind));
    }
    for (enum escrow_request_kind kind = ESCROW_REQUEST_CREATE_PAYMENT_INTENT;
         kind < ESCROW_REQUEST_KIND_COUNT; kind++) {
        printf("request %s\n", request_name(kind));
    }
    printf("evidence_types %d\n", (int)MEDIA_COUNT - 1);
    for (enum escrow_timer timer = ESCROW_TIMER_FUNDING; timer < ESCROW_TIMER_COUNT; timer++) {
        printf("timer %d %s\n", (int)timer, escrow_timer_name(timer));
    }
    printf("price_minor %d %d\n", ESCROW_PRICE_MIN_MINOR, ESCROW_PRICE_MAX_MINOR);
    for (size_t i = 0; i < 2; i++) {
        const char *who = i == 0 ? "buyer" : "seller";
        printf("%s_fee_basis_points 0 %d\n", who, FEE_BASIS_POINTS_MAX);
        printf("%s_fee_fixed_minor 0 %d\n", who, FEE_FIXED_MAX_MINOR);
    }
    printf("funding_seconds %d %d\n", ESCROW_FUNDING_MIN_SECONDS, ESCROW_FUNDING_MAX_SECONDS);
    printf("delivery_seconds %d %d\n", ESCROW_DELIVERY_MIN_SECONDS, ESCROW_DELIVERY_MAX_SECONDS);
    printf("inspection_seconds %d %d\n", ESCROW_INSPECTION_MIN_SECONDS,
           ESCROW_INSPECTION_MAX_SECONDS);
    for (enum escrow_state state = ESCROW_NONE; state < ESCROW_STATE_COUNT; state++) {
        print_state(state);
    }
    print_retries();
    print_splits();
    table_print_milestones();
    table_print_returned();
    print_verdicts();
    print_evidence();
    print_fees(/* refundable */ false);
    print_fees(/* refundable */ true);
    printf("\n## with fees, and a part of the price released\n");
    for (enum escrow_state state = ESCROW_FUNDS_HELD; state < ESCROW_STATE_COUNT; state++) {
        for (enum escrow_part_state part = ESCROW_PART_SENDING;
             state != ESCROW_CANCELLED && state != ESCROW_EXPIRED && part < ESCROW_PART_STATE_COUNT;
             part++) {
            print_parts(state, part);
        }
    }
    return 0;
}
