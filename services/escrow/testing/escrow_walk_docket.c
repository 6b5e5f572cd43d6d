/* Evidence, kept from the records alone. In: what the handlers told. Out: nothing, or a failed test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "escrow/testing/escrow_walk.h"
#include "holdfast/escrow/v1/events.pb-c.h"
#include "wire/wire.h"

#define DAY_US (INT64_C(86400) * 1000000)

/* Three days from the escalation; who was shown something in the last of them has a day from then, and until the fourth ends. */
static int64_t until_us(const struct walk *walk, const struct escrow_transition *transition,
                        enum escrow_party party)
{
    const struct escrow *escrow = &walk->fake->rows.escrow;
    int64_t other_us = walk->docket[1 - party].last_at_us;
    int64_t end_us =
        transition->to_state == ESCROW_ESCALATED ? walk->escalated_at_us : escrow->deadline_at_us;
    end_us += 3 * DAY_US;
    int64_t answer_us = other_us + DAY_US < end_us + DAY_US ? other_us + DAY_US : end_us + DAY_US;
    return other_us > end_us - DAY_US ? answer_us : end_us;
}

static void take_evidence(struct walk *walk, const struct escrow_transition *transition,
                          const Holdfast__Escrow__V1__EscrowEvidenceSubmitted *told)
{
    const struct escrow *escrow = &walk->fake->rows.escrow;
    bool buyer = id_eq(transition->actor_id, escrow->buyer_id);
    assert_true(transition->actor_kind == ENGINE_ACTOR_USER);
    assert_true(buyer || id_eq(transition->actor_id, escrow->seller_id));
    assert_int_equal(transition->transfer_count, 0);
    assert_int_equal(transition->from_state, transition->to_state);
    enum escrow_party party = buyer ? ESCROW_PARTY_BUYER : ESCROW_PARTY_SELLER;
    assert_true(transition->at_us < until_us(walk, transition, party));
    struct walk_docket *docket = &walk->docket[party];
    docket->items++;
    docket->bytes += told->size_bytes;
    docket->last_at_us = transition->at_us;
    assert_true(docket->items <= 10);
    assert_true(docket->bytes <= 16 * 1024 * 1024);
    const struct escrow_evidence *row = &walk->fake->evidence[walk->evidence_count++];
    assert_int_equal(row->seq, transition->seq);
    assert_int_equal(row->dispute, told->dispute);
    assert_int_equal((int)row->type, (int)told->type);
    assert_int_equal(row->size_bytes, told->size_bytes);
    assert_int_equal(told->content.len, HASH_BYTES);
    assert_memory_equal(row->content.bytes, told->content.data, HASH_BYTES);
}

void walk_take_docket(struct walk *walk, const struct fake_record *record,
                      const struct escrow_transition *transition)
{
    ProtobufCMessage *message;
    struct status st = wire_unpack(&walk->fake->op, &holdfast__escrow__v1__escrow_event__descriptor,
                                   record->payload, WIRE_BUDGET_BYTES, &message);
    assert_false(status_failed(st));
    const Holdfast__Escrow__V1__EscrowEvent *event =
        (const Holdfast__Escrow__V1__EscrowEvent *)message;
    if (transition->event == ESCROW_EVENT_DISPUTED) {
        memset(walk->docket, 0, sizeof(walk->docket));
    } else if (transition->event == ESCROW_EVENT_EVIDENCE_SUBMITTED) {
        take_evidence(walk, transition, event->escrow_evidence_submitted);
    }
    const Holdfast__Escrow__V1__Docket *docket = event->docket;
    bool disputed =
        transition->to_state == ESCROW_DISPUTED || transition->to_state == ESCROW_ESCALATED;
    assert_int_equal(docket != NULL, disputed);
    if (!docket || walk->fake->rows.escrow.state != transition->to_state) {
        return;
    }
    assert_int_equal(docket->dispute, walk->fake->rows.dispute_count);
    assert_int_equal(docket->buyer_items, walk->docket[ESCROW_PARTY_BUYER].items);
    assert_int_equal(docket->seller_items, walk->docket[ESCROW_PARTY_SELLER].items);
    assert_int_equal(docket->buyer_until_us, until_us(walk, transition, ESCROW_PARTY_BUYER));
    assert_int_equal(docket->seller_until_us, until_us(walk, transition, ESCROW_PARTY_SELLER));
}
