/* In: the verdicts of one escrow, and its history. Out: what does not fit: whose word it is, over what, and which money moved. */
#include <inttypes.h>

#include "base/verdict.h"
#include "holdfastctl/ctl_verify.h"

#define FOUND(what, ...) ctl_verify_add(op, verification, history->escrow->id, (what), __VA_ARGS__)

const struct escrow_dispute_verdict *ctl_verdict_of(const struct ctl_history *history,
                                                    const struct escrow_transition *row)
{
    for (uint32_t i = 0; i < history->verdict_count; i++) {
        if (row->event == ESCROW_EVENT_DISPUTE_RESOLVED && history->verdicts[i].seq == row->seq) {
            return &history->verdicts[i];
        }
    }
    return NULL;
}

/* What left the frozen sum by the verdict: with its transition, or with the release or refund that follows at once. */
static int64_t moved(const struct ctl_history *history, int64_t seq, bool to_buyer)
{
    int64_t sum_minor = 0;
    for (uint32_t i = 0; i < history->transfer_count; i++) {
        const struct escrow_transfer *line = &history->transfers[i];
        bool of_it = (line->seq == seq || line->seq == seq + 1) &&
                     line->debit == ESCROW_ACCOUNT_ESCROW_DISP &&
                     (line->credit == ESCROW_ACCOUNT_DUE_BUYER) == to_buyer;
        if (of_it && !money_try_add(sum_minor, line->amount_minor, &sum_minor)) {
            return -1;
        }
    }
    return sum_minor;
}

/* The deal's arbiter signed it, over the history before; or staff gave it, and nobody signed. */
static bool is_his_word(const struct escrow *escrow, const struct escrow_transition *row,
                        const struct escrow_dispute_verdict *given)
{
    const struct verdict verdict = {
        .escrow_id = escrow->id,
        .dispute = given->dispute,
        .head = row->prev_hash,
        .currency = escrow->currency,
        .seller_minor = given->seller_minor,
        .buyer_minor = given->buyer_minor,
        .reason = given->reason,
    };
    if (row->actor_kind == ENGINE_ACTOR_STAFF) {
        return given->signature.len == 0;
    }
    return row->actor_kind == ENGINE_ACTOR_USER && !id_is_none(escrow->arbiter_id) &&
           id_eq(row->actor_id, escrow->arbiter_id) &&
           verdict_is_signed(&verdict, escrow->arbiter_key, given->signature);
}

static void check_verdict(struct op *op, struct ctl_verification *verification,
                          const struct ctl_history *history, const struct escrow_transition *row)
{
    const struct escrow_dispute_verdict *given = ctl_verdict_of(history, row);
    if (!given) {
        FOUND("verdict", "seq %" PRId64 " resolved a dispute without a verdict", row->seq);
        return;
    }
    if (!is_his_word(history->escrow, row, given)) {
        FOUND("verdict_signature", "seq %" PRId64 " is not the word of the deal's arbiter",
              row->seq);
    }
    int64_t seller_minor = moved(history, row->seq, false);
    int64_t buyer_minor = moved(history, row->seq, true);
    if (seller_minor != given->seller_minor || buyer_minor != given->buyer_minor) {
        FOUND("verdict",
              "seq %" PRId64 ": %" PRId64 " and %" PRId64 " moved, the verdict says %" PRId64
              " and %" PRId64,
              row->seq, seller_minor, buyer_minor, given->seller_minor, given->buyer_minor);
    }
}

void ctl_verify_verdicts(struct op *op, struct ctl_verification *verification,
                         const struct ctl_history *history)
{
    uint32_t resolved = 0;
    bool in_order = true;
    for (uint32_t i = 0; i < history->transition_count; i++) {
        if (history->transitions[i].event == ESCROW_EVENT_DISPUTE_RESOLVED) {
            resolved++;
            check_verdict(op, verification, history, &history->transitions[i]);
        }
    }
    for (uint32_t i = 1; i < history->verdict_count; i++) {
        in_order = in_order && history->verdicts[i - 1].seq < history->verdicts[i].seq;
    }
    if (resolved != history->verdict_count || !in_order) {
        FOUND("verdict", "%" PRIu32 " verdicts, %" PRIu32 " transitions resolved a dispute",
              history->verdict_count, resolved);
    }
}
