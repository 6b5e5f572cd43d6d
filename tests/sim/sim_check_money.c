/*
 * What the provider did against what the ledger and the rows say. Always holds: sums here are made of
 * the provider's objects and of single lines of the ledger, never of anybody's totals.
 */
#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "engine/engine_tables.h"
#include "escrow/escrow_chain.h"
#include "escrow/escrow_repo.h"
#include "payments/payments_repo.h"
#include "sim_check_internal.h"

#define MOVES_MAX 16 /* lines of one transition, at most */

static bool is_usd(const char *lower)
{
    return strcmp(lower, "usd") == 0;
}

/* ---- The provider ---- */

static void forget_counts(struct sim_check *check)
{
    for (uint32_t i = 0; i < check->deal_count; i++) {
        struct check_deal *deal = &check->deals[i];
        deal->came_minor = deal->came_foreign_minor = 0;
        deal->went_minor = deal->went_foreign_minor = 0;
        deal->paid_minor = deal->returned_minor = 0;
        deal->transfers = 0;
    }
    for (uint32_t i = 0; i < check->leg_count; i++) {
        struct check_leg *leg = &check->legs[i];
        leg->moved = leg->returned = leg->pending = 0;
        leg->moved_minor = 0;
    }
}

static void count_deal(struct check_deal *deal, const struct sim_stripe_object *object)
{
    bool moved = object->state == SIM_STRIPE_MOVED;
    bool pending = object->state == SIM_STRIPE_PROCESSING;
    bool usd = is_usd(object->currency);
    if (object->kind == SIM_STRIPE_INTENT) {
        *(usd ? &deal->came_minor : &deal->came_foreign_minor) += moved ? object->moved_minor : 0;
        return;
    }
    int64_t goes_minor = moved ? object->moved_minor : pending ? object->asked_minor : 0;
    *(usd ? &deal->went_minor : &deal->went_foreign_minor) += goes_minor;
    if (object->kind == SIM_STRIPE_TRANSFER && moved) {
        deal->transfers++;
        deal->paid_minor += object->moved_minor;
    }
    if (object->state == SIM_STRIPE_RETURNED) {
        deal->returned_minor += object->moved_minor;
    }
}

static void count_leg(struct check_leg *leg, const struct sim_stripe_object *object)
{
    leg->kind = object->kind;
    leg->escrow_id = object->escrow_id;
    bool returned = object->state == SIM_STRIPE_RETURNED;
    bool pending = object->state == SIM_STRIPE_PROCESSING;
    bool moved = object->state == SIM_STRIPE_MOVED || returned;
    leg->moved += moved ? 1 : 0;
    leg->returned += returned ? 1 : 0;
    leg->pending += pending ? 1 : 0;
    leg->moved_minor += moved ? object->moved_minor : 0;
    if (moved) {
        memcpy(leg->currency, object->currency, sizeof(leg->currency));
    }
}

static void check_deals(struct sim_check *check, struct sim_verdict *verdict)
{
    for (uint32_t i = 0; i < check->deal_count; i++) {
        const struct check_deal *deal = &check->deals[i];
        /* What the platform has earned stays, too. */
        if (deal->went_minor > deal->came_minor - deal->sums[ESCROW_ACCOUNT_FEE_INC] ||
            deal->went_foreign_minor > deal->came_foreign_minor) {
            sim_verdict_fail(verdict, SIM_RULE_NO_OVERSPEND,
                             "escrow %s: %" PRId64 "+%" PRId64 " went out, %" PRId64 "+%" PRId64
                             " came in",
                             check_text(deal->id), deal->went_minor, deal->went_foreign_minor,
                             deal->came_minor, deal->came_foreign_minor);
        }
        if (deal->transfers > deal->parts + 1) {
            sim_verdict_fail(verdict, SIM_RULE_ONE_END, "escrow %s: %u transfers to the seller",
                             check_text(deal->id), deal->transfers);
        }
    }
}

static void check_refunds(struct sim_check *check, struct sim_verdict *verdict)
{
    uint32_t count = sim_stripe_count(check->stripe);
    for (uint32_t i = 0; i < count; i++) {
        const struct sim_stripe_object *refund = sim_stripe_object(check->stripe, i);
        if (refund->kind != SIM_STRIPE_REFUND || refund->state != SIM_STRIPE_MOVED) {
            continue;
        }
        const struct sim_stripe_object *paid = sim_stripe_object(check->stripe, refund->intent);
        const struct check_deal *deal = check_deal(check, refund->escrow_id);
        /* What was asked was this payment, and the seller has his part of it: nothing of that went back. */
        int64_t gone_minor = deal->paid_minor + deal->sums[ESCROW_ACCOUNT_FEE_INC];
        bool whole = deal->parts == 0 && deal->splits == 0 && deal->returns == 0;
        bool both = whole || refund->moved_minor > paid->moved_minor - gone_minor;
        if (deal->transfers > 0 && both && paid->moved_minor == paid->asked_minor &&
            deal->came_minor < 2 * paid->asked_minor) {
            sim_verdict_fail(verdict, SIM_RULE_ONE_END,
                             "escrow %s: its price was paid out and given back",
                             check_text(refund->escrow_id));
        }
    }
}

static void check_legs(struct sim_check *check, struct sim_verdict *verdict)
{
    for (uint32_t i = 0; i < check->leg_count; i++) {
        const struct check_leg *leg = &check->legs[i];
        if (leg->kind != SIM_STRIPE_INTENT && leg->moved + leg->pending > 1) {
            sim_verdict_fail(verdict, SIM_RULE_LEG_ONCE, "leg %s of escrow %s moved %u times",
                             check_text(leg->id), check_text(leg->escrow_id),
                             leg->moved + leg->pending);
        }
    }
    struct sim_stripe_counts counts = sim_stripe_counts(check->stripe);
    if (counts.different > 0 || counts.bad > 0 || counts.forgotten > 0) {
        sim_verdict_fail(verdict, SIM_RULE_SAME_REQUEST,
                         "%" PRIu64 " requests differ from the first of their key, %" PRIu64
                         " are none of ours, %" PRIu64 " came after the key was forgotten",
                         counts.different, counts.bad, counts.forgotten);
    }
}

/* Asked for before the restore that lost it, and not decided again: a person must look at the deal. */
static bool is_lost_call(struct sim_check *check, const struct sim_stripe_object *object)
{
    return object->asked_us <= check->reads_again_us &&
           sim_check_is_frozen(check, SIM_PAYMENTS, object->escrow_id);
}

/* A call goes out after the commit of its effect. */
void sim_check_calls(struct sim_check *check, struct sim_verdict *verdict)
{
    struct sim_db *db = check->place->dbs[SIM_PAYMENTS];
    for (; check->object_cursor < sim_stripe_count(check->stripe); check->object_cursor++) {
        const struct sim_stripe_object *object =
            sim_stripe_object(check->stripe, check->object_cursor);
        const struct effect_row like = {.id = object->key};
        if (!sim_db_find(db, &engine_effect_table, &like) && !is_lost_call(check, object)) {
            sim_verdict_fail(
                verdict, SIM_RULE_ASKED, "leg %s of escrow %s: nobody asks under the key %s",
                check_text(object->leg_id), check_text(object->escrow_id), check_text(object->key));
        }
    }
}

/* What went out of a payment is of the leg that it paid: by the provider's books, and by ours. */
static void check_source(struct sim_check *check, const struct sim_stripe_object *object,
                         struct sim_verdict *verdict)
{
    const struct leg like = {.id = object->leg_id};
    const struct leg *leg = sim_db_find(check->place->dbs[SIM_PAYMENTS], &payments_repo_leg, &like);
    if (!leg || leg->kind == LEG_IN || object->intent == SIM_STRIPE_NO_INTENT) {
        return;
    }
    const struct sim_stripe_object *paid = sim_stripe_object(check->stripe, object->intent);
    if (!id_eq(paid->leg_id, leg->paid_leg_id)) {
        sim_verdict_fail(verdict, SIM_RULE_RIGHT_MONEY,
                         "leg %s of escrow %s went out of the payment of leg %s, not of %s",
                         check_text(leg->id), check_text(leg->escrow_id), check_text(paid->leg_id),
                         check_text(leg->paid_leg_id));
    }
}

void check_provider(struct sim_check *check, struct sim_verdict *verdict)
{
    forget_counts(check);
    sim_check_calls(check, verdict);
    uint32_t count = sim_stripe_count(check->stripe);
    for (uint32_t i = 0; i < count; i++) {
        const struct sim_stripe_object *object = sim_stripe_object(check->stripe, i);
        count_deal(check_deal(check, object->escrow_id), object);
        count_leg(check_leg(check, object->leg_id), object);
        check_source(check, object, verdict);
    }
    check_deals(check, verdict);
    check_refunds(check, verdict);
    check_legs(check, verdict);
}

/* ---- The ledger ---- */

static bool is_account(enum escrow_account account)
{
    return account > ESCROW_ACCOUNT_NONE && account < ESCROW_ACCOUNT_COUNT;
}

static void add_leg_line(struct check_leg *leg, const struct escrow_transfer *line)
{
    if (line->debit == ESCROW_ACCOUNT_PSP_CLEAR) {
        leg->debits++;
        leg->debit_minor += line->amount_minor;
    } else if (line->credit == ESCROW_ACCOUNT_PSP_CLEAR) {
        leg->credits++;
        leg->credit_minor += line->amount_minor;
    }
}

static void add_line(struct check_deal *deal, const struct escrow_transfer *line)
{
    if (!str_eq(line->currency, STR("USD"))) {
        deal->foreign_minor += line->amount_minor;
        return;
    }
    deal->sums[line->debit] -= line->amount_minor;
    deal->sums[line->credit] += line->amount_minor;
    bool of_price =
        line->debit == ESCROW_ACCOUNT_ESCROW_HELD || line->debit == ESCROW_ACCOUNT_ESCROW_DISP;
    bool released =
        line->credit == ESCROW_ACCOUNT_DUE_SELLER || line->credit == ESCROW_ACCOUNT_FEE_INC;
    deal->released_minor += of_price && released ? line->amount_minor : 0;
    if (line->debit == ESCROW_ACCOUNT_PSP_CLEAR) {
        bool came_back = line->credit == ESCROW_ACCOUNT_DUE_BUYER;
        deal->received_minor += came_back ? 0 : line->amount_minor;
        deal->refunded_minor -= came_back ? line->amount_minor : 0;
    } else if (line->credit == ESCROW_ACCOUNT_PSP_CLEAR) {
        bool seller = line->debit == ESCROW_ACCOUNT_DUE_SELLER;
        deal->paid_out_minor += seller ? line->amount_minor : 0;
        deal->refunded_minor += seller ? 0 : line->amount_minor;
    }
}

/* INV2, INV4. False: a line is missing or makes no sense. */
static bool read_lines(struct sim_check *check, const struct escrow_transition *transition,
                       struct escrow_transfer lines[MOVES_MAX], struct sim_verdict *verdict)
{
    struct sim_db *db = check->place->dbs[SIM_ESCROW];
    ASSERT(transition->transfer_count <= MOVES_MAX);
    for (int i = 0; i < transition->transfer_count; i++) {
        const struct escrow_transfer like = {
            .escrow_id = transition->escrow_id, .seq = transition->seq, .ordinal = i};
        const struct escrow_transfer *line = sim_db_find(db, &escrow_transfer_table, &like);
        if (!line) {
            sim_verdict_fail(
                verdict, SIM_RULE_TRANSITION, "escrow %s seq %" PRId64 ": line %d of %d is missing",
                check_text(transition->escrow_id), transition->seq, i, transition->transfer_count);
            return false;
        }
        if (line->amount_minor <= 0 || line->debit == line->credit || !is_account(line->debit) ||
            !is_account(line->credit) || line->currency.len != 3) {
            sim_verdict_fail(verdict, SIM_RULE_TRANSFER,
                             "escrow %s seq %" PRId64 " line %d: %" PRId64 " from %d to %d",
                             check_text(line->escrow_id), line->seq, i, line->amount_minor,
                             (int)line->debit, (int)line->credit);
            return false;
        }
        lines[i] = *line;
    }
    return true;
}

/* INV37, and that the history has no hole. */
static void follow_chain(struct check_deal *deal, const struct escrow_transition *transition,
                         const struct escrow_transfer *lines, const struct escrow *escrow,
                         struct escrow_said said, struct sim_verdict *verdict)
{
    if (transition->seq == 1) {
        deal->head = escrow_chain_root(escrow);
    }
    bool follows = transition->seq == deal->seq + 1 && transition->from_state == deal->state &&
                   hash_eq(&transition->prev_hash, &deal->head);
    struct hash hash = escrow_chain_hash(transition, lines, said);
    if (!follows || !hash_eq(&transition->hash, &hash)) {
        sim_verdict_fail(verdict, SIM_RULE_CHAIN, "escrow %s seq %" PRId64 " does not follow",
                         check_text(transition->escrow_id), transition->seq);
    }
    deal->head = hash;
    deal->seq = transition->seq;
    deal->state = transition->to_state;
}

/* A clock starts with its state. Returns the one that ran before. */
static struct check_clock follow_clock(struct check_deal *deal,
                                       const struct escrow_transition *transition)
{
    enum escrow_timer kind = escrow_timer_of(transition->from_state);
    const struct check_clock ran = {.kind = (int)kind, .seq = deal->clock_seq};
    /* Nobody gets more time to deliver by what ended undelivered. */
    bool goes_on = kind == ESCROW_TIMER_DELIVERY && kind == escrow_timer_of(transition->to_state);
    if ((transition->to_state != transition->from_state && !goes_on) ||
        transition->event == ESCROW_EVENT_AWAIT_FUNDS || deal->milestones.moved) {
        deal->clock_seq = transition->seq;
    }
    return ran;
}

/* INV14: one message, one decision, which makes each event once. */
static void note_cause(struct sim_check *check, const struct escrow_transition *transition,
                       struct check_clock ran, struct sim_verdict *verdict)
{
    struct check_cause *cause = check_cause(check, transition->cause_id);
    uint64_t event = UINT64_C(1) << transition->event;
    if (cause->at_us == 0) {
        cause->at_us = transition->at_us;
        cause->escrow_id = transition->escrow_id;
        cause->ran = ran;
    }
    if (cause->at_us != transition->at_us || !id_eq(cause->escrow_id, transition->escrow_id) ||
        (cause->events & event) != 0) {
        sim_verdict_fail(
            verdict, SIM_RULE_INBOX, "escrow %s seq %" PRId64 ": message %s was decided before",
            check_text(transition->escrow_id), transition->seq, check_text(transition->cause_id));
    }
    cause->events |= event;
}

static void read_transition(struct sim_check *check, const struct escrow_transition *transition,
                            struct sim_verdict *verdict)
{
    struct sim_db *db = check->place->dbs[SIM_ESCROW];
    const struct escrow like = {.id = transition->escrow_id};
    const struct escrow *escrow = sim_db_find(db, &escrow_table, &like);
    struct escrow_transfer lines[MOVES_MAX];
    if (!escrow) {
        sim_verdict_fail(verdict, SIM_RULE_CHAIN, "escrow %s has a history and no row",
                         check_text(transition->escrow_id));
        return;
    }
    check->transfer_count += transition->transfer_count;
    if (!read_lines(check, transition, lines, verdict)) {
        return;
    }
    struct check_deal *deal = check_deal(check, transition->escrow_id);
    deal->transfer_count += transition->transfer_count;
    bool is_part = transition->event == ESCROW_EVENT_PARTIALLY_RELEASED;
    bool is_return = transition->event == ESCROW_EVENT_PARTIALLY_REFUNDED;
    deal->parts += is_part ? 1 : 0;
    deal->returns += is_return ? 1 : 0;
    bool says = transition->event == ESCROW_EVENT_SPLIT_AGREED ||
                transition->event == ESCROW_EVENT_DISPUTE_RESOLVED;
    bool divides = says && transition->transfer_count > 0;
    deal->splits += divides ? 1 : 0;
    check_consent(check, deal, transition, escrow, verdict);
    check_evidence(check, deal, transition, escrow, verdict);
    for (int i = 0; i < transition->transfer_count; i++) {
        add_line(deal, &lines[i]);
        bool goes = is_part && lines[i].credit == ESCROW_ACCOUNT_DUE_SELLER;
        deal->parts_net_minor += goes ? lines[i].amount_minor : 0;
        bool back = is_return && lines[i].credit == ESCROW_ACCOUNT_DUE_BUYER;
        bool of_price = lines[i].debit == ESCROW_ACCOUNT_ESCROW_HELD;
        deal->returns_net_minor += back ? lines[i].amount_minor : 0;
        deal->back_minor += back && of_price ? lines[i].amount_minor : 0;
        if (!id_is_none(lines[i].leg_id)) {
            add_leg_line(check_leg(check, lines[i].leg_id), &lines[i]);
        }
    }
    check_milestone(check, deal, transition, escrow, verdict);
    const struct escrow_said said = {.verdict = check_said_verdict(check, transition),
                                     .evidence = check_said_evidence(check, transition)};
    follow_chain(deal, transition, lines, escrow, said, verdict);
    note_cause(check, transition, follow_clock(deal, transition), verdict);
}

void check_ledger(struct sim_check *check, struct sim_verdict *verdict)
{
    struct sim_db *db = check->place->dbs[SIM_ESCROW];
    const struct escrow_transition *transition;
    while ((transition = sim_db_next(db, &escrow_transition_table, &check->transition_cursor))) {
        read_transition(check, transition, verdict);
    }
    if (check->transfer_count != sim_db_count(db, &escrow_transfer_table)) {
        sim_verdict_fail(verdict, SIM_RULE_TRANSITION,
                         "%u lines in the ledger, %" PRId64 " belong to transitions",
                         sim_db_count(db, &escrow_transfer_table), check->transfer_count);
    }
}

/* ---- The rows ---- */

/* INV1: what is stored is what the lines sum up to. */
static void check_balances(const struct check_deal *deal, const struct escrow *escrow,
                           struct sim_verdict *verdict)
{
    int64_t kept_minor = deal->received_minor - deal->paid_out_minor - deal->refunded_minor;
    bool right = escrow->held_minor == deal->sums[ESCROW_ACCOUNT_ESCROW_HELD] &&
                 escrow->disputed_minor == deal->sums[ESCROW_ACCOUNT_ESCROW_DISP] &&
                 escrow->due_seller_minor == deal->sums[ESCROW_ACCOUNT_DUE_SELLER] &&
                 escrow->due_buyer_minor == deal->sums[ESCROW_ACCOUNT_DUE_BUYER] &&
                 escrow->suspense_minor == deal->sums[ESCROW_ACCOUNT_SUSPENSE] &&
                 escrow->fee_deferred_minor == deal->sums[ESCROW_ACCOUNT_FEE_DEFERRED] &&
                 escrow->fee_minor == deal->sums[ESCROW_ACCOUNT_FEE_INC] &&
                 escrow->released_minor == deal->released_minor &&
                 escrow->returned_minor == deal->back_minor &&
                 deal->sums[ESCROW_ACCOUNT_ESCROW_IN] == 0 &&
                 deal->sums[ESCROW_ACCOUNT_PSP_CLEAR] == -kept_minor &&
                 escrow->received_minor == deal->received_minor &&
                 escrow->paid_out_minor == deal->paid_out_minor &&
                 escrow->refunded_minor == deal->refunded_minor &&
                 escrow->foreign_money == (deal->foreign_minor > 0);
    if (!right) {
        sim_verdict_fail(verdict, SIM_RULE_BALANCE,
                         "escrow %s: its sums are not those of its %" PRId64 " lines",
                         check_text(escrow->id), deal->transfer_count);
    }
    if (escrow->seq != deal->seq || !hash_eq(&escrow->chain_head, &deal->head) ||
        escrow->state != deal->state) {
        sim_verdict_fail(verdict, SIM_RULE_CHAIN,
                         "escrow %s: the row is at seq %" PRId64 ", its history at %" PRId64,
                         check_text(escrow->id), escrow->seq, deal->seq);
    }
}

/* INV3, by our own arithmetic and by the product's. */
static void check_sound(const struct escrow *escrow, struct sim_verdict *verdict)
{
    int64_t kept_minor = escrow->held_minor + escrow->disputed_minor + escrow->suspense_minor +
                         escrow->due_seller_minor + escrow->due_buyer_minor +
                         escrow->fee_deferred_minor + escrow->fee_minor;
    bool least = escrow->held_minor >= 0 && escrow->disputed_minor >= 0 &&
                 escrow->suspense_minor >= 0 && escrow->due_seller_minor >= 0 &&
                 escrow->due_buyer_minor >= 0 && escrow->paid_out_minor >= 0 &&
                 escrow->refunded_minor >= 0 && escrow->fee_deferred_minor >= 0 &&
                 escrow->fee_minor >= 0;
    bool adds_up =
        escrow->received_minor == kept_minor + escrow->paid_out_minor + escrow->refunded_minor;
    bool ended =
        !escrow_state_is_final(escrow->state) ||
        (escrow->held_minor == 0 && escrow->disputed_minor == 0 && escrow->fee_deferred_minor == 0);
    if (!least || !adds_up || !ended || !escrow_is_sound(escrow)) {
        sim_verdict_fail(verdict, SIM_RULE_SOUND, "escrow %s in state %s is not sound",
                         check_text(escrow->id), escrow_state_name(escrow->state));
    }
}

/* INV12: nothing is believed that the provider did not do. */
static void check_credited(const struct check_deal *deal, const struct escrow *escrow,
                           struct sim_verdict *verdict)
{
    int64_t given_minor = deal->went_minor - deal->paid_minor + deal->returned_minor;
    if (escrow->received_minor > deal->came_minor || escrow->paid_out_minor > deal->paid_minor ||
        escrow->refunded_minor > given_minor || deal->foreign_minor > deal->came_foreign_minor) {
        sim_verdict_fail(verdict, SIM_RULE_CREDITED,
                         "escrow %s: in %" PRId64 " of %" PRId64 ", out %" PRId64 " of %" PRId64
                         ", back %" PRId64 " of %" PRId64,
                         check_text(escrow->id), escrow->received_minor, deal->came_minor,
                         escrow->paid_out_minor, deal->paid_minor, escrow->refunded_minor,
                         given_minor);
    }
}

static void check_leg_row(struct sim_check *check, const struct leg *row,
                          struct sim_verdict *verdict)
{
    const struct check_leg *leg = check_leg(check, row->id);
    if (!payments_decide_leg_is_sound(row)) {
        sim_verdict_fail(verdict, SIM_RULE_SOUND, "leg %s is not sound", check_text(row->id));
    }
    if (row->state != LEG_DONE) {
        return;
    }
    int64_t said_minor = row->kind == LEG_IN ? row->received_minor : row->amount_minor;
    if (leg->moved == 0 || leg->moved_minor < said_minor) {
        sim_verdict_fail(verdict, SIM_RULE_CREDITED,
                         "leg %s is done with %" PRId64 ", the provider moved %" PRId64,
                         check_text(row->id), said_minor, leg->moved_minor);
    }
}

/* A part that is done is booked once; a refund that came back, once in and once out for each time. */
static bool is_booked_as(const struct check_leg *leg, const struct escrow_part *part)
{
    return leg->credits == leg->debits + (part->state == ESCROW_PART_PAID ? 1 : 0) &&
           (part->to_buyer || leg->debits == 0);
}

/* Each part that was released or given back is a row, which is paid when its payout or refund is booked. */
static void check_parts(struct sim_check *check, struct sim_verdict *verdict)
{
    for (uint32_t i = 0; i < check->deal_count; i++) {
        check->deals[i].part_rows = check->deals[i].return_rows = 0;
        check->deals[i].part_rows_minor = check->deals[i].return_rows_minor = 0;
    }
    uint32_t cursor = 0;
    const struct escrow_part *part;
    while ((part = sim_db_next(check->place->dbs[SIM_ESCROW], &escrow_part_table, &cursor))) {
        struct check_deal *deal = check_deal(check, part->escrow_id);
        *(part->to_buyer ? &deal->return_rows : &deal->part_rows) += 1;
        *(part->to_buyer ? &deal->return_rows_minor : &deal->part_rows_minor) += part->amount_minor;
        const struct check_leg *leg = check_leg(check, part->leg_id);
        if (!is_booked_as(leg, part)) {
            sim_verdict_fail(verdict, SIM_RULE_BALANCE,
                             "escrow %s: part %" PRId64
                             " in state %d, its leg booked %u times, back %u times",
                             check_text(part->escrow_id), part->number, (int)part->state,
                             leg->credits, leg->debits);
        }
    }
    for (uint32_t i = 0; i < check->deal_count; i++) {
        const struct check_deal *deal = &check->deals[i];
        if (deal->part_rows != deal->parts || deal->part_rows_minor != deal->parts_net_minor ||
            deal->return_rows != deal->returns ||
            deal->return_rows_minor != deal->returns_net_minor) {
            sim_verdict_fail(verdict, SIM_RULE_BALANCE,
                             "escrow %s: %u+%u parts of %" PRId64 "+%" PRId64
                             ", by its lines %u+%u of %" PRId64 "+%" PRId64,
                             check_text(deal->id), deal->part_rows, deal->return_rows,
                             deal->part_rows_minor, deal->return_rows_minor, deal->parts,
                             deal->returns, deal->parts_net_minor, deal->returns_net_minor);
        }
    }
}

void check_rows(struct sim_check *check, struct sim_verdict *verdict)
{
    check_parts(check, verdict);
    uint32_t cursor = 0;
    const struct escrow *escrow;
    while ((escrow = sim_db_next(check->place->dbs[SIM_ESCROW], &escrow_table, &cursor))) {
        const struct check_deal *deal = check_deal(check, escrow->id);
        check_balances(deal, escrow, verdict);
        check_sound(escrow, verdict);
        check_credited(deal, escrow, verdict);
    }
    cursor = 0;
    const struct leg *leg;
    while ((leg = sim_db_next(check->place->dbs[SIM_PAYMENTS], &payments_repo_leg, &cursor))) {
        check_leg_row(check, leg, verdict);
    }
}

/* ---- The statement ---- */

static void mark_asked(struct sim_check *check)
{
    uint32_t cursor = 0;
    const struct effect_row *effect;
    while ((effect = sim_db_next(check->place->dbs[SIM_PAYMENTS], &engine_effect_table, &cursor))) {
        check_leg(check, effect->subject)->is_asked_still |= effect->open;
    }
}

static bool is_booked(const struct check_leg *leg)
{
    int64_t net_minor = leg->debit_minor - leg->credit_minor;
    if (leg->kind == SIM_STRIPE_INTENT) {
        return leg->credits == 0 && leg->debits == leg->moved && net_minor == leg->moved_minor;
    }
    if (leg->returned > 0) { /* told as failed before it was told as done: never booked */
        return leg->credits == leg->debits && leg->credits <= 1 && net_minor == 0;
    }
    return leg->debits == 0 && leg->credits == leg->moved && net_minor == -leg->moved_minor;
}

/* While a person is waited for something may be missing from the books, but nothing is in them that was not. */
static bool is_booked_so_far(const struct check_leg *leg)
{
    bool came = leg->kind == SIM_STRIPE_INTENT;
    uint32_t lines = came ? leg->debits : leg->credits;
    uint32_t back = came ? leg->credits : leg->debits;
    int64_t booked_minor = came ? leg->debit_minor : leg->credit_minor;
    return lines <= leg->moved && back <= leg->returned && booked_minor <= leg->moved_minor;
}

void check_statement(struct sim_check *check, struct sim_verdict *verdict)
{
    mark_asked(check);
    for (uint32_t i = 0; i < check->leg_count; i++) {
        const struct check_leg *leg = &check->legs[i];
        bool waits =
            leg->is_asked_still || sim_check_is_frozen(check, SIM_PAYMENTS, leg->escrow_id);
        if (waits ? !is_booked_so_far(leg) : !is_booked(leg)) {
            sim_verdict_fail(verdict, SIM_RULE_STATEMENT,
                             "leg %s of escrow %s: moved %u times and %" PRId64
                             ", booked %u+%u times and %" PRId64,
                             check_text(leg->id), check_text(leg->escrow_id), leg->moved,
                             leg->moved_minor, leg->debits, leg->credits,
                             leg->debit_minor - leg->credit_minor);
        }
    }
}
