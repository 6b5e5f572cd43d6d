/*
 * A step of the two who show what they have. Who may, and in which state, is decided already, by the tables. Its bytes were
 * stored before it was asked for; what is decided is about their hash alone.
 */
#include "escrow/escrow_deciding.h"

static enum escrow_reason check(const struct deciding *d, const struct escrow_evidence *evidence,
                                enum escrow_party party)
{
    const struct escrow_dispute *dispute = deciding_open_dispute(d);
    const struct escrow_docket *docket = &dispute->docket[party];
    if (!escrow_evidence_is_sound(evidence)) {
        return ESCROW_REASON_BAD_EVIDENCE;
    }
    if (d->facts->now_us >= escrow_evidence_until_us(d->now, dispute, party)) {
        return ESCROW_REASON_EVIDENCE_CLOSED;
    }
    if (docket->items == ESCROW_EVIDENCE_ITEMS_MAX ||
        docket->bytes + evidence->size_bytes > ESCROW_EVIDENCE_SUM_MAX_BYTES) {
        return ESCROW_REASON_TOO_MUCH_EVIDENCE;
    }
    return ESCROW_REASON_NONE;
}

void escrow_do_submit_evidence(struct deciding *d)
{
    const struct escrow_message *message = d->message;
    bool is_buyer = id_eq(message->actor.id, d->now->buyer_id);
    enum escrow_party party = is_buyer ? ESCROW_PARTY_BUYER : ESCROW_PARTY_SELLER;
    const struct escrow_evidence evidence = {
        .content = message->content,
        .type = message->evidence,
        .size_bytes = message->size_bytes,
        .description = message->text,
    };
    enum escrow_reason reason = check(d, &evidence, party);
    if (reason != ESCROW_REASON_NONE) {
        deciding_reject(d, reason);
        return;
    }
    struct escrow_dispute *dispute = deciding_change_dispute(d);
    dispute->docket[party].items++;
    dispute->docket[party].bytes += evidence.size_bytes;
    dispute->docket[party].last_at_us = d->facts->now_us;
    struct escrow_step *step = deciding_begin_step(d, d->rule->event);
    step->number = dispute->number;
    step->content = evidence.content;
    step->evidence = evidence.type;
    step->size_bytes = evidence.size_bytes;
    step->text = evidence.description;
    deciding_end_step(d, step, d->rule->next);
}
