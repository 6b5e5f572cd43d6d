/* In: the evidence of one escrow, and its history. Out: what does not fit: whose it is, and of which dispute. */
#include <inttypes.h>

#include "holdfastctl/ctl_verify.h"

#define FOUND(what, ...) ctl_verify_add(op, verification, history->escrow->id, (what), __VA_ARGS__)

const struct escrow_evidence *ctl_evidence_of(const struct ctl_history *history,
                                              const struct escrow_transition *row)
{
    for (uint32_t i = 0; i < history->evidence_count; i++) {
        if (row->event == ESCROW_EVENT_EVIDENCE_SUBMITTED && history->evidence[i].seq == row->seq) {
            return &history->evidence[i];
        }
    }
    return NULL;
}

static bool is_of_the_two(const struct escrow *escrow, const struct escrow_transition *row)
{
    return row->actor_kind == ENGINE_ACTOR_USER &&
           (id_eq(row->actor_id, escrow->buyer_id) || id_eq(row->actor_id, escrow->seller_id));
}

static void check_piece(struct op *op, struct ctl_verification *verification,
                        const struct ctl_history *history, const struct escrow_transition *row,
                        int64_t dispute)
{
    const struct escrow_evidence *piece = ctl_evidence_of(history, row);
    if (!piece) {
        FOUND("evidence", "seq %" PRId64 " submitted evidence that is not there", row->seq);
        return;
    }
    if (!escrow_evidence_is_sound(piece) || piece->dispute != dispute ||
        !escrow_state_is_disputed(row->from_state) || row->to_state != row->from_state ||
        !is_of_the_two(history->escrow, row)) {
        FOUND("evidence", "seq %" PRId64 " is no evidence of one of the two in dispute %" PRId64,
              row->seq, dispute);
    }
}

void ctl_verify_evidence(struct op *op, struct ctl_verification *verification,
                         const struct ctl_history *history)
{
    uint32_t submitted = 0;
    int64_t disputes = 0;
    bool in_order = true;
    for (uint32_t i = 0; i < history->transition_count; i++) {
        const struct escrow_transition *row = &history->transitions[i];
        disputes += row->event == ESCROW_EVENT_DISPUTED ? 1 : 0;
        if (row->event == ESCROW_EVENT_EVIDENCE_SUBMITTED) {
            submitted++;
            check_piece(op, verification, history, row, disputes);
        }
    }
    for (uint32_t i = 1; i < history->evidence_count; i++) {
        in_order = in_order && history->evidence[i - 1].seq < history->evidence[i].seq;
    }
    if (submitted != history->evidence_count || !in_order) {
        FOUND("evidence", "%" PRIu32 " pieces of evidence, %" PRIu32 " transitions submitted some",
              history->evidence_count, submitted);
    }
}
