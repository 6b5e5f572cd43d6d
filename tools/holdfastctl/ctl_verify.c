/* In: the rows of one escrow. Out: what does not fit. */
#include "holdfastctl/ctl_verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "escrow/escrow_chain.h"

#define DETAIL_MAX_BYTES 256

void ctl_verify_add(struct op *op, struct ctl_verification *verification, struct id escrow_id,
                    const char *what, const char *format, ...)
{
    verification->findings_total++;
    if (verification->finding_count == CTL_FINDINGS_MAX) {
        return;
    }
    char *detail = arena_alloc(op->arena, DETAIL_MAX_BYTES, 1);
    if (!detail) {
        verification->failed = true;
        return;
    }
    va_list args;
    va_start(args, format);
    int len = vsnprintf(detail, DETAIL_MAX_BYTES, format, args);
    va_end(args);
    size_t used = len < 0 ? 0 : (size_t)len;
    verification->findings[verification->finding_count++] = (struct ctl_finding){
        .escrow_id = escrow_id,
        .what = what,
        .detail = {.ptr = detail,
                   .len = used < DETAIL_MAX_BYTES ? used : (size_t)DETAIL_MAX_BYTES - 1},
    };
}

#define FOUND(what, ...) ctl_verify_add(op, verification, history->escrow->id, (what), __VA_ARGS__)

/* The transfers of one transition, which are next to each other. */
static const struct escrow_transfer *transfers_of(const struct ctl_history *history, int64_t seq,
                                                  uint32_t *ret_count)
{
    const struct escrow_transfer *first = NULL;
    *ret_count = 0;
    for (uint32_t i = 0; i < history->transfer_count; i++) {
        if (history->transfers[i].seq == seq) {
            first = first ? first : &history->transfers[i];
            *ret_count += 1;
        }
    }
    return first;
}

static void check_transition(struct op *op, struct ctl_verification *verification,
                             const struct ctl_history *history, uint32_t index,
                             const struct hash *wanted_prev)
{
    const struct escrow_transition *row = &history->transitions[index];
    const struct escrow_transition *before = index > 0 ? row - 1 : NULL;
    if (row->seq != (int64_t)index + 1) {
        FOUND("seq_gap", "transition %" PRIu32 " has seq %" PRId64, index + 1, row->seq);
    }
    if (row->from_state != (before ? before->to_state : ESCROW_NONE)) {
        FOUND("state_chain", "seq %" PRId64 " begins in %s", row->seq,
              escrow_state_name(row->from_state));
    }
    if (before && row->at_us < before->at_us) {
        FOUND("time_order", "seq %" PRId64 " is older than the one before", row->seq);
    }
    if (!hash_eq(&row->prev_hash, wanted_prev)) {
        FOUND("chain", "seq %" PRId64 " does not follow the one before", row->seq);
    }
    uint32_t count;
    const struct escrow_transfer *transfers = transfers_of(history, row->seq, &count);
    if ((int64_t)count != row->transfer_count) {
        FOUND("transfer_count", "seq %" PRId64 " has %" PRIu32 " transfers, says %d", row->seq,
              count, row->transfer_count);
        return; /* its hash cannot be right */
    }
    for (uint32_t i = 0; i < count; i++) {
        if (transfers[i].ordinal != (int)i) {
            FOUND("transfer_ordinal", "seq %" PRId64 " has no transfer %" PRIu32, row->seq, i);
        }
    }
    const struct escrow_said said = {.verdict = ctl_verdict_of(history, row),
                                     .evidence = ctl_evidence_of(history, row)};
    struct hash hash = escrow_chain_hash(row, transfers, said);
    if (!hash_eq(&hash, &row->hash)) {
        FOUND("hash", "seq %" PRId64 ", its transfers, its verdict or its evidence were changed",
              row->seq);
    }
}

void ctl_verify_chain(struct op *op, struct ctl_verification *verification,
                      const struct ctl_history *history)
{
    const struct escrow *escrow = history->escrow;
    struct hash prev = escrow_chain_root(escrow);
    for (uint32_t i = 0; i < history->transition_count; i++) {
        check_transition(op, verification, history, i, &prev);
        prev = history->transitions[i].hash;
    }
    if (!hash_eq(&prev, &escrow->chain_head)) {
        FOUND("chain_head", "the escrow's head is not that of its history");
    }
    if (escrow->seq != (int64_t)history->transition_count) {
        FOUND("seq", "the escrow says %" PRId64 ", its history has %" PRIu32, escrow->seq,
              history->transition_count);
    }
    enum escrow_state last = history->transition_count > 0
                                 ? history->transitions[history->transition_count - 1].to_state
                                 : ESCROW_NONE;
    if (escrow->state != last) {
        FOUND("state", "the escrow says %s, its history %s", escrow_state_name(escrow->state),
              escrow_state_name(last));
    }
}

/* Of a milestone, a period after it was delivered or rejected, or after the last dispute was withdrawn. */
static void check_milestone_clocks(struct op *op, struct ctl_verification *verification,
                                   const struct ctl_history *history)
{
    for (uint32_t i = 0; i < history->milestone_count; i++) {
        const struct escrow_milestone *one = &history->milestones[i];
        enum escrow_timer timer = escrow_milestone_timer(one);
        int64_t due_at_us = 0;
        if (timer == ESCROW_TIMER_NONE) {
            continue;
        }
        int64_t period_us = escrow_period_us(history->escrow, timer);
        enum escrow_event began =
            timer == ESCROW_TIMER_ANSWER ? ESCROW_EVENT_REJECTED : ESCROW_EVENT_DELIVERED;
        for (uint32_t t = 0; t < history->transition_count; t++) {
            const struct escrow_transition *row = &history->transitions[t];
            bool begins = row->event == began && row->milestone == one->number;
            bool anew = due_at_us != 0 && row->event == ESCROW_EVENT_DISPUTE_WITHDRAWN;
            if ((begins || anew) && !money_try_add(row->at_us, period_us, &due_at_us)) {
                due_at_us = 0;
            }
        }
        if (one->deadline_at_us != due_at_us) {
            FOUND("deadline", "milestone %" PRId64 ": stored %" PRId64 ", by its history %" PRId64,
                  one->number, one->deadline_at_us, due_at_us);
        }
    }
}

/* A deadline is a period of the terms after the transition that started its clock. */
static void check_deadline(struct op *op, struct ctl_verification *verification,
                           const struct ctl_history *history)
{
    const struct escrow *escrow = history->escrow;
    enum escrow_timer timer = escrow_timer_of(escrow->state);
    if (timer == ESCROW_TIMER_NONE) {
        return;
    }
    if (escrow->deadline_seq < 1 || escrow->deadline_seq > (int64_t)history->transition_count) {
        FOUND("deadline", "no transition %" PRId64 " started the clock", escrow->deadline_seq);
        return;
    }
    const struct escrow_transition *started = &history->transitions[escrow->deadline_seq - 1];
    int64_t due_at_us = 0;
    if ((timer == ESCROW_TIMER_INSPECTION || timer == ESCROW_TIMER_ANSWER) &&
        escrow->milestone_count > 0) {
        check_milestone_clocks(op, verification,
                               history); /* the soonest is the deal's: check_milestones */
        return;
    }
    if (escrow_timer_of(started->to_state) != timer ||
        !money_try_add(started->at_us, escrow_period_us(escrow, timer), &due_at_us) ||
        escrow->deadline_at_us != due_at_us) {
        FOUND("deadline", "%s: stored %" PRId64 ", by its history and terms %" PRId64,
              escrow_timer_name(timer), escrow->deadline_at_us, due_at_us);
    }
}

/* The sums of a currency, made when it is met first; NULL: too many currencies. */
static struct ctl_totals *totals_of(struct op *op, struct ctl_totals *totals, uint32_t *count,
                                    struct str currency)
{
    for (uint32_t i = 0; i < *count; i++) {
        if (str_eq(totals[i].currency, currency)) {
            return &totals[i];
        }
    }
    if (*count == CTL_TOTALS_MAX) {
        return NULL;
    }
    struct str copy = str_dup(op->arena, currency);
    if (!copy.ptr) {
        return NULL;
    }
    totals[*count] = (struct ctl_totals){.currency = copy};
    return &totals[(*count)++];
}

static bool is_account(enum escrow_account account)
{
    return account > ESCROW_ACCOUNT_NONE && account < ESCROW_ACCOUNT_COUNT;
}

static bool add_line(struct ctl_totals *totals, const struct escrow_transfer *line)
{
    if (!is_account(line->debit) || !is_account(line->credit) || line->debit == line->credit) {
        return false;
    }
    struct ctl_account_sum *debit = &totals->accounts[line->debit];
    struct ctl_account_sum *credit = &totals->accounts[line->credit];
    return line->amount_minor > 0 &&
           money_try_add(debit->debit_minor, line->amount_minor, &debit->debit_minor) &&
           money_try_add(credit->credit_minor, line->amount_minor, &credit->credit_minor);
}

/* What a liability still owes, or (with the sign turned) an asset has. */
static int64_t owed(const struct ctl_totals *totals, enum escrow_account account)
{
    return totals->accounts[account].credit_minor - totals->accounts[account].debit_minor;
}

bool ctl_totals_add(struct op *op, struct ctl_totals totals[CTL_TOTALS_MAX], uint32_t *count,
                    const struct escrow_transfer *line)
{
    struct ctl_totals *here = totals_of(op, totals, count, line->currency);
    return here && add_line(here, line);
}

bool ctl_totals_below_zero(const struct ctl_totals *totals, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        for (int a = ESCROW_ACCOUNT_NONE + 1; a < ESCROW_ACCOUNT_COUNT; a++) {
            enum escrow_account account = (enum escrow_account)a;
            if (escrow_account_side(account) == ESCROW_SIDE_LIABILITY &&
                owed(&totals[i], account) < 0) {
                return true;
            }
        }
    }
    return false;
}

/* Money between PSP_CLEAR and another account, both ways. */
struct flows {
    int64_t in_minor;       /* debit PSP_CLEAR, but for what comes back */
    int64_t paid_out_minor; /* DUE_SELLER to PSP_CLEAR */
    int64_t refunded_minor; /* DUE_BUYER to PSP_CLEAR, less what a bank sent back */
    int64_t released_minor; /* from where the price is held to the seller and the platform */
    int64_t returned_minor; /* and to the buyer, while the rest stays there */
};

static bool is_release(const struct escrow_transfer *line)
{
    bool of_price =
        line->debit == ESCROW_ACCOUNT_ESCROW_HELD || line->debit == ESCROW_ACCOUNT_ESCROW_DISP;
    return of_price &&
           (line->credit == ESCROW_ACCOUNT_DUE_SELLER || line->credit == ESCROW_ACCOUNT_FEE_INC);
}

/* The price, not the buyer's fee on it. */
static bool is_return(const struct ctl_history *history, const struct escrow_transfer *line)
{
    return line->debit == ESCROW_ACCOUNT_ESCROW_HELD && line->credit == ESCROW_ACCOUNT_DUE_BUYER &&
           line->seq >= 1 && line->seq <= (int64_t)history->transition_count &&
           history->transitions[line->seq - 1].event == ESCROW_EVENT_PARTIALLY_REFUNDED;
}

static void add_flow(struct flows *flows, const struct ctl_history *history,
                     const struct escrow_transfer *line)
{
    bool fits = true;
    if (line->debit == ESCROW_ACCOUNT_PSP_CLEAR && line->credit == ESCROW_ACCOUNT_DUE_BUYER) {
        fits = money_try_sub(flows->refunded_minor, line->amount_minor, &flows->refunded_minor);
    } else if (line->debit == ESCROW_ACCOUNT_PSP_CLEAR) {
        fits = money_try_add(flows->in_minor, line->amount_minor, &flows->in_minor);
    } else if (line->credit == ESCROW_ACCOUNT_PSP_CLEAR &&
               line->debit == ESCROW_ACCOUNT_DUE_SELLER) {
        fits = money_try_add(flows->paid_out_minor, line->amount_minor, &flows->paid_out_minor);
    } else if (line->credit == ESCROW_ACCOUNT_PSP_CLEAR &&
               line->debit == ESCROW_ACCOUNT_DUE_BUYER) {
        fits = money_try_add(flows->refunded_minor, line->amount_minor, &flows->refunded_minor);
    } else if (is_release(line)) {
        fits = money_try_add(flows->released_minor, line->amount_minor, &flows->released_minor);
    } else if (is_return(history, line)) {
        fits = money_try_add(flows->returned_minor, line->amount_minor, &flows->returned_minor);
    }
    if (!fits) {
        *flows = (struct flows){.in_minor = -1}; /* fits no row: it is found */
    }
}

static void check_own_sums(struct op *op, struct ctl_verification *verification,
                           const struct ctl_history *history, const struct ctl_totals *sums,
                           const struct flows *flows)
{
    const struct escrow *escrow = history->escrow;

    const struct {
        const char *name;
        int64_t stored_minor;
        int64_t counted_minor;
    } rows[] = {
        {"received", escrow->received_minor, flows->in_minor},
        {"in", 0, owed(sums, ESCROW_ACCOUNT_ESCROW_IN)},
        {"held", escrow->held_minor, owed(sums, ESCROW_ACCOUNT_ESCROW_HELD)},
        {"disputed", escrow->disputed_minor, owed(sums, ESCROW_ACCOUNT_ESCROW_DISP)},
        {"suspense", escrow->suspense_minor, owed(sums, ESCROW_ACCOUNT_SUSPENSE)},
        {"due_seller", escrow->due_seller_minor, owed(sums, ESCROW_ACCOUNT_DUE_SELLER)},
        {"due_buyer", escrow->due_buyer_minor, owed(sums, ESCROW_ACCOUNT_DUE_BUYER)},
        {"fee_deferred", escrow->fee_deferred_minor, owed(sums, ESCROW_ACCOUNT_FEE_DEFERRED)},
        {"fee", escrow->fee_minor, owed(sums, ESCROW_ACCOUNT_FEE_INC)},
        {"released", escrow->released_minor, flows->released_minor},
        {"returned", escrow->returned_minor, flows->returned_minor},
        {"paid_out", escrow->paid_out_minor, flows->paid_out_minor},
        {"refunded", escrow->refunded_minor, flows->refunded_minor},
        {"psp_clear", escrow->received_minor - escrow->paid_out_minor - escrow->refunded_minor,
         -owed(sums, ESCROW_ACCOUNT_PSP_CLEAR)},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].stored_minor != rows[i].counted_minor) {
            FOUND("balance", "%s: stored %" PRId64 ", by the ledger %" PRId64, rows[i].name,
                  rows[i].stored_minor, rows[i].counted_minor);
        }
    }
}

/* In other currencies money is only put aside: the suspense rows say the same as the ledger. */
static void check_foreign_sums(struct op *op, struct ctl_verification *verification,
                               const struct ctl_history *history, const struct ctl_totals *sums)
{
    int64_t aside_minor = 0;
    for (uint32_t i = 0; i < history->suspense_count; i++) {
        const struct escrow_suspense *row = &history->suspense[i];
        if (str_eq(row->currency, sums->currency) && row->state == ESCROW_SUSPENSE_FLAGGED &&
            !money_try_add(aside_minor, row->amount_minor, &aside_minor)) {
            FOUND("balance", "suspense in " STR_FMT " does not fit", STR_ARG(sums->currency));
        }
    }
    if (owed(sums, ESCROW_ACCOUNT_SUSPENSE) != aside_minor) {
        FOUND("balance", "suspense in " STR_FMT ": rows %" PRId64 ", by the ledger %" PRId64,
              STR_ARG(sums->currency), aside_minor, owed(sums, ESCROW_ACCOUNT_SUSPENSE));
    }
}

static void check_ledger(struct op *op, struct ctl_verification *verification,
                         const struct ctl_history *history)
{
    struct str own = currency_name(history->escrow->currency);
    struct ctl_totals sums[CTL_TOTALS_MAX];
    uint32_t sum_count = 0;
    struct flows flows = {.in_minor = 0};
    if (!totals_of(op, sums, &sum_count, own)) {
        verification->failed = true;
        return;
    }
    for (uint32_t i = 0; i < history->transfer_count; i++) {
        const struct escrow_transfer *line = &history->transfers[i];
        struct ctl_totals *here = totals_of(op, sums, &sum_count, line->currency);
        struct ctl_totals *all =
            totals_of(op, verification->totals, &verification->total_count, line->currency);
        if (!here || !all || !add_line(here, line) || !add_line(all, line)) {
            FOUND("transfer", "seq %" PRId64 " ordinal %d cannot be counted", line->seq,
                  line->ordinal);
        } else if (here == &sums[0]) {
            add_flow(&flows, history, line);
        }
    }
    check_own_sums(op, verification, history, &sums[0], &flows);
    for (uint32_t i = 1; i < sum_count; i++) {
        check_foreign_sums(op, verification, history, &sums[i]);
    }
}

/* The parts that left are what the row says did. */
static void check_parts(struct op *op, struct ctl_verification *verification,
                        const struct ctl_history *history)
{
    const struct escrow_part *parts[ESCROW_PARTS_MAX];
    bool fits = history->part_count <= ESCROW_PARTS_MAX;
    for (uint32_t i = 0; fits && i < history->part_count; i++) {
        parts[i] = &history->parts[i];
    }
    if (escrow_is_sound(history->escrow) && /* else it was found already */
        (!fits || !escrow_parts_are_sound(history->escrow, parts, history->part_count))) {
        FOUND("unsound", "the parts that were released or given back are not what the escrow says");
    }
}

void ctl_verify_milestones(struct op *op, struct ctl_verification *verification,
                           const struct ctl_history *history)
{
    const struct escrow_milestone *milestones[ESCROW_MILESTONES_MAX];
    const struct hash none = {.bytes = {0}};
    bool fits = history->milestone_count <= ESCROW_MILESTONES_MAX;
    for (uint32_t i = 0; fits && i < history->milestone_count; i++) {
        milestones[i] = &history->milestones[i];
    }
    struct hash hash = fits && history->milestone_count > 0
                           ? escrow_chain_milestones(milestones, history->milestone_count)
                           : none;
    if (!fits || history->escrow->milestone_count != (int64_t)history->milestone_count ||
        !hash_eq(&hash, &history->escrow->milestones_hash)) {
        FOUND("milestones", "the milestones are not those that were agreed to");
    }
}

/* What became of the milestones is what the row says. */
static void check_milestones(struct op *op, struct ctl_verification *verification,
                             const struct ctl_history *history)
{
    const struct escrow_milestone *milestones[ESCROW_MILESTONES_MAX];
    uint32_t count = history->milestone_count;
    ctl_verify_milestones(op, verification, history);
    for (uint32_t i = 0; i < count && i < ESCROW_MILESTONES_MAX; i++) {
        milestones[i] = &history->milestones[i];
    }
    if (escrow_is_sound(history->escrow) && /* else it was found already */
        !escrow_milestones_are_sound(history->escrow, milestones, count)) {
        FOUND("unsound", "the milestones are not what the escrow says");
    }
}

void ctl_verify_escrow(struct op *op, struct ctl_verification *verification,
                       const struct ctl_history *history)
{
    verification->escrows++;
    verification->transitions += history->transition_count;
    verification->transfers += history->transfer_count;
    if (!escrow_is_sound(history->escrow)) {
        FOUND("unsound", "the escrow's row contradicts itself");
    }
    for (uint32_t i = 0; i < history->suspense_count; i++) {
        if (!escrow_suspense_is_sound(&history->suspense[i])) {
            FOUND("unsound", "suspense row %" PRIu32 " contradicts itself", i + 1);
        }
    }
    check_parts(op, verification, history);
    check_milestones(op, verification, history);
    ctl_verify_chain(op, verification, history);
    ctl_verify_verdicts(op, verification, history);
    ctl_verify_evidence(op, verification, history);
    ctl_verify_leaves(op, verification, history);
    check_deadline(op, verification, history);
    check_ledger(op, verification, history);
}

/* The sum of all accounts; each liability is looked at on the way. */
static int64_t sum_accounts(struct op *op, struct ctl_verification *verification,
                            const struct ctl_totals *totals)
{
    const struct id none = {.bytes = {0}};
    int64_t sum_minor = 0;
    for (int a = ESCROW_ACCOUNT_NONE + 1; a < ESCROW_ACCOUNT_COUNT; a++) {
        int64_t owed_minor = owed(totals, (enum escrow_account)a);
        if (!money_try_add(sum_minor, owed_minor, &sum_minor)) {
            return INT64_MAX;
        }
        bool is_liability = escrow_account_side((enum escrow_account)a) == ESCROW_SIDE_LIABILITY;
        if (owed_minor < 0 && is_liability) {
            ctl_verify_add(op, verification, none, "liability", "%s in " STR_FMT " is below zero",
                           escrow_account_name((enum escrow_account)a), STR_ARG(totals->currency));
        }
    }
    return sum_minor;
}

struct status ctl_verify_finish(struct op *op, struct ctl_verification *verification)
{
    const struct id none = {.bytes = {0}};
    for (uint32_t i = 0; i < verification->total_count; i++) {
        const struct ctl_totals *totals = &verification->totals[i];
        int64_t sum_minor = sum_accounts(op, verification, totals);
        if (sum_minor != 0) {
            ctl_verify_add(op, verification, none, "sum",
                           "the accounts in " STR_FMT " sum to %" PRId64, STR_ARG(totals->currency),
                           sum_minor);
        }
    }
    return verification->failed ? op_arena_full(op) : OK;
}
