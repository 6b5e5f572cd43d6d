/*
 * What the two showed in a dispute. In: a deal's transitions in their order, the rows of evidence, the requests that people made.
 * The times and sums are told by this file alone.
 */
#include <inttypes.h>
#include <string.h>

#include "engine/engine_tables.h"
#include "escrow/escrow_repo.h"
#include "gateway/gateway_evidence.h"
#include "holdfast/escrow/v1/commands.pb-c.h"
#include "sim_check_internal.h"
#include "wire/wire.h"

#define DAY_US (INT64_C(86400) * 1000000)
#define PIECES_MAX 10
#define PIECES_MAX_BYTES (INT64_C(16) * 1024 * 1024)

const struct escrow_evidence *check_said_evidence(struct sim_check *check,
                                                  const struct escrow_transition *transition)
{
    const struct escrow_evidence like = {.escrow_id = transition->escrow_id,
                                         .seq = transition->seq};
    return transition->event == ESCROW_EVENT_EVIDENCE_SUBMITTED
               ? sim_db_find(check->place->dbs[SIM_ESCROW], &escrow_evidence_table, &like)
               : NULL;
}

/* Whether the request that caused it is still there, and asked for something else. */
static bool was_asked_otherwise(struct sim_check *check, struct id request_id,
                                const struct escrow_evidence *said)
{
    const struct intake_row like = {.id = request_id};
    const struct intake_row *row =
        sim_db_find(check->place->dbs[SIM_GATEWAY], &engine_intake_table, &like);
    ProtobufCMessage *message = NULL;
    arena_reset(&check->arena);
    struct op op = {.arena = &check->arena};
    if (!row || status_failed(wire_unpack(&op, &holdfast__escrow__v1__escrow_command__descriptor,
                                          row->payload, WIRE_BUDGET_BYTES, &message))) {
        return false;
    }
    const Holdfast__Escrow__V1__EscrowCommand *command = (const void *)message;
    const Holdfast__Escrow__V1__SubmitEvidence *asked = command->submit_evidence;
    bool same = command->body_case == HOLDFAST__ESCROW__V1__ESCROW_COMMAND__BODY_SUBMIT_EVIDENCE &&
                asked->content.len == HASH_BYTES &&
                memcmp(asked->content.data, said->content.bytes, HASH_BYTES) == 0 &&
                asked->size_bytes == said->size_bytes && (int)asked->type == (int)said->type &&
                str_eq(str_of(asked->description), said->description);
    return !same;
}

/* Three days after nobody settled it; who was shown something in the last of them has a day from then on, or until the fourth ends. */
static int64_t until_us(const struct check_deal *deal, enum escrow_state state, int other)
{
    bool is_over = state == ESCROW_ESCALATED;
    int64_t end_us =
        is_over ? deal->escalated_at_us + 3 * DAY_US : deal->disputed_at_us + (14 + 3) * DAY_US;
    int64_t answer_us = deal->shown_at_us[other] + DAY_US;
    answer_us = answer_us < end_us + DAY_US ? answer_us : end_us + DAY_US;
    return deal->shown[other] > 0 && answer_us > end_us ? answer_us : end_us;
}

static const char *look_at(struct sim_check *check, struct check_deal *deal,
                           const struct escrow_transition *shown, const struct escrow *escrow)
{
    const struct escrow_evidence *said = check_said_evidence(check, shown);
    const struct gateway_evidence like = {.escrow_id = shown->escrow_id, .seq = shown->seq};
    int who = id_eq(shown->actor_id, escrow->buyer_id) ? 0 : 1;
    bool is_party = shown->actor_kind == ENGINE_ACTOR_USER &&
                    (who == 0 || id_eq(shown->actor_id, escrow->seller_id));
    if (!said) {
        return "no evidence";
    }
    deal->shown[who]++;
    deal->shown_bytes[who] += said->size_bytes;
    if (!is_party) {
        return "evidence of a stranger";
    }
    if ((shown->from_state != ESCROW_DISPUTED && shown->from_state != ESCROW_ESCALATED) ||
        shown->to_state != shown->from_state || said->dispute != deal->disputes) {
        return "evidence without a dispute";
    }
    if (shown->at_us >= until_us(deal, shown->from_state, 1 - who)) {
        return "evidence after its time";
    }
    deal->shown_at_us[who] = shown->at_us;
    if (deal->shown[who] > PIECES_MAX || deal->shown_bytes[who] > PIECES_MAX_BYTES) {
        return "more evidence than may be";
    }
    if (was_asked_otherwise(check, shown->cause_id, said)) {
        return "evidence that nobody submitted";
    }
    const struct gateway_evidence *listed =
        sim_db_find(check->place->dbs[SIM_GATEWAY], &gateway_evidence_table, &like);
    bool differs = listed && (!hash_eq(&listed->content, &said->content) ||
                              !id_eq(listed->submitted_by, shown->actor_id));
    return differs ? "evidence that the docket shows otherwise" : NULL;
}

void check_evidence(struct sim_check *check, struct check_deal *deal,
                    const struct escrow_transition *transition, const struct escrow *escrow,
                    struct sim_verdict *verdict)
{
    if (transition->event == ESCROW_EVENT_DISPUTED) {
        deal->disputes++;
        deal->disputed_at_us = transition->at_us;
        for (int who = 0; who < 2; who++) {
            deal->shown[who] = deal->shown_bytes[who] = deal->shown_at_us[who] = 0;
        }
    } else if (transition->event == ESCROW_EVENT_EVIDENCE_SUBMITTED) {
        const char *wrong = look_at(check, deal, transition, escrow);
        if (wrong) {
            sim_verdict_fail(verdict, SIM_RULE_TERMS, "escrow %s seq %" PRId64 ": %s",
                             check_text(deal->id), transition->seq, wrong);
        }
    }
}
