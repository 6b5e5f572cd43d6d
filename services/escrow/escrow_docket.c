/* What the two lay before whoever decides their dispute: until when, and how much. Pure. */
#include "base/assert.h"
#include "escrow/escrow.h"

#define US_PER_SECOND INT64_C(1000000)

/* When nobody settled the dispute: then arbiter or staff decide it. */
static int64_t escalates_at_us(const struct escrow *escrow)
{
    ASSERT(escrow_state_is_disputed(escrow->state));
    bool is_over = escrow->state == ESCROW_ESCALATED;
    return escrow->deadline_at_us - (is_over ? ESCROW_ESCALATION_SECONDS * US_PER_SECOND : 0);
}

int64_t escrow_staff_decides_at_us(const struct escrow *escrow)
{
    return escalates_at_us(escrow) +
           (id_is_none(escrow->arbiter_id) ? 0 : ESCROW_ARBITER_SECONDS * US_PER_SECOND);
}

/* The same for both, but that nobody is shown something in the last moment: he has a day to answer. No answer opens the
 * other's time anew: a day after the end all of it is closed. */
int64_t escrow_evidence_until_us(const struct escrow *escrow, const struct escrow_dispute *dispute,
                                 enum escrow_party party)
{
    ASSERT(party < ESCROW_PARTY_COUNT);
    enum escrow_party other =
        party == ESCROW_PARTY_BUYER ? ESCROW_PARTY_SELLER : ESCROW_PARTY_BUYER;
    int64_t reply_us = ESCROW_EVIDENCE_REPLY_SECONDS * US_PER_SECOND;
    int64_t end_us = escalates_at_us(escrow) + ESCROW_EVIDENCE_SECONDS * US_PER_SECOND;
    int64_t answer_us = dispute->docket[other].last_at_us + reply_us;
    if (dispute->docket[other].items == 0 || answer_us <= end_us) {
        return end_us;
    }
    return answer_us < end_us + reply_us ? answer_us : end_us + reply_us;
}

bool escrow_evidence_is_sound(const struct escrow_evidence *evidence)
{
    const struct hash none = {.bytes = {0}};
    return evidence->type > MEDIA_NONE && evidence->type < MEDIA_COUNT &&
           evidence->size_bytes >= 1 && evidence->size_bytes <= ESCROW_EVIDENCE_MAX_BYTES &&
           !hash_eq(&evidence->content, &none) &&
           evidence->description.len <= ESCROW_EVIDENCE_TEXT_MAX_BYTES;
}

bool escrow_docket_is_sound(const struct escrow_docket *docket)
{
    bool empty = docket->items == 0;
    return docket->items >= 0 && docket->items <= ESCROW_EVIDENCE_ITEMS_MAX &&
           docket->bytes >= docket->items && docket->bytes <= ESCROW_EVIDENCE_SUM_MAX_BYTES &&
           (docket->bytes == 0) == empty && (docket->last_at_us == 0) == empty &&
           docket->last_at_us >= 0;
}
