/*
 * Who divides what is held: two people, about one offer; or the arbiter that was agreed on, by what he signed. In: a deal's
 * transitions in their order, and the requests that people made. That the sums are right is the ledger's matter.
 */
#include <inttypes.h>

#include "base/verdict.h"
#include "engine/engine_tables.h"
#include "escrow/escrow_repo.h"
#include "holdfast/escrow/v1/commands.pb-c.h"
#include "sim_check_internal.h"
#include "wire/wire.h"

int64_t check_number_asked(struct sim_check *check, struct id request_id)
{
    const struct intake_row like = {.id = request_id};
    const struct intake_row *row =
        sim_db_find(check->place->dbs[SIM_GATEWAY], &engine_intake_table, &like);
    ProtobufCMessage *message = NULL;
    arena_reset(&check->arena);
    struct op op = {.arena = &check->arena};
    if (!row || status_failed(wire_unpack(&op, &holdfast__escrow__v1__escrow_command__descriptor,
                                          row->payload, WIRE_BUDGET_BYTES, &message))) {
        return -1;
    }
    const Holdfast__Escrow__V1__EscrowCommand *command = (const void *)message;
    if (command->body_case == HOLDFAST__ESCROW__V1__ESCROW_COMMAND__BODY_ACCEPT_SPLIT) {
        return command->accept_split->number;
    }
    if (command->body_case == HOLDFAST__ESCROW__V1__ESCROW_COMMAND__BODY_MARK_DELIVERED) {
        return command->mark_delivered->milestone;
    }
    if (command->body_case == HOLDFAST__ESCROW__V1__ESCROW_COMMAND__BODY_REFUND) {
        return command->refund->milestone;
    }
    if (command->body_case == HOLDFAST__ESCROW__V1__ESCROW_COMMAND__BODY_REJECT_DELIVERY) {
        return command->reject_delivery->milestone;
    }
    return command->body_case == HOLDFAST__ESCROW__V1__ESCROW_COMMAND__BODY_RELEASE_FUNDS
               ? command->release_funds->milestone
               : -1;
}

static void check_agreed(struct sim_check *check, const struct check_deal *deal,
                         const struct escrow_transition *agreed, const struct escrow *escrow,
                         struct sim_verdict *verdict)
{
    bool by_buyer = id_eq(agreed->actor_id, escrow->buyer_id);
    bool by_seller = id_eq(agreed->actor_id, escrow->seller_id);
    if (deal->offers == deal->withdrawn || (!by_buyer && !by_seller) ||
        id_eq(agreed->actor_id, deal->offered_by)) {
        sim_verdict_fail(verdict, SIM_RULE_TERMS,
                         "escrow %s seq %" PRId64 ": divided by one alone, or by a stranger",
                         check_text(deal->id), agreed->seq);
    }
    int64_t number = check_number_asked(check, agreed->cause_id);
    if (number >= 0 && number != deal->offers) {
        sim_verdict_fail(verdict, SIM_RULE_TERMS,
                         "escrow %s seq %" PRId64 ": who agreed to offer %" PRId64
                         " has agreed to offer %" PRId64,
                         check_text(deal->id), agreed->seq, number, deal->offers);
    }
}

/* Nobody agrees to it any more: the next agreement must follow another offer. */
static void check_withdrawn(struct check_deal *deal, const struct escrow_transition *withdrawn,
                            struct sim_verdict *verdict)
{
    if (!id_eq(withdrawn->actor_id, deal->offered_by)) {
        sim_verdict_fail(verdict, SIM_RULE_TERMS,
                         "escrow %s seq %" PRId64 ": an offer was taken back by another",
                         check_text(deal->id), withdrawn->seq);
    }
    deal->withdrawn = deal->offers;
}

const struct escrow_dispute_verdict *check_said_verdict(struct sim_check *check,
                                                        const struct escrow_transition *transition)
{
    const struct escrow_dispute_verdict like = {.escrow_id = transition->escrow_id,
                                                .seq = transition->seq};
    return transition->event == ESCROW_EVENT_DISPUTE_RESOLVED
               ? sim_db_find(check->place->dbs[SIM_ESCROW], &escrow_verdict_table, &like)
               : NULL;
}

/* By the key that was agreed on when the deal was made, not by the one that the deal's row says. */
static bool is_signed(const struct gateway_terms *terms, const struct escrow_transition *resolved,
                      const struct escrow_dispute_verdict *said)
{
    const struct verdict verdict = {
        .escrow_id = resolved->escrow_id,
        .dispute = said->dispute,
        .head = resolved->prev_hash,
        .currency = CURRENCY_USD,
        .seller_minor = said->seller_minor,
        .buyer_minor = said->buyer_minor,
        .reason = said->reason,
    };
    uint8_t key[SIGN_PUBLIC_BYTES];
    return str_from_hex(terms->arbiter_key, key, sizeof(key)) &&
           verdict_is_signed(&verdict, (struct str){.ptr = (const char *)key, .len = sizeof(key)},
                             said->signature);
}

static void check_resolved(struct sim_check *check, const struct check_deal *deal,
                           const struct escrow_transition *resolved, struct sim_verdict *verdict)
{
    const struct escrow_dispute_verdict *said = check_said_verdict(check, resolved);
    const struct gateway_terms *terms =
        check->traffic ? sim_traffic_terms(check->traffic, resolved->escrow_id) : NULL;
    if (!said || !terms) {
        sim_verdict_fail(verdict, SIM_RULE_TERMS, "escrow %s seq %" PRId64 ": %s",
                         check_text(deal->id), resolved->seq,
                         said ? "nobody agreed on it" : "no verdict");
        return;
    }
    bool has_arbiter = !id_is_none(terms->arbiter_id);
    bool staff = resolved->actor_kind == ENGINE_ACTOR_STAFF && said->signature.len == 0;
    bool arbiter = resolved->actor_kind == ENGINE_ACTOR_USER && has_arbiter &&
                   id_eq(resolved->actor_id, terms->arbiter_id) && is_signed(terms, resolved, said);
    if (!staff && !arbiter) {
        sim_verdict_fail(verdict, SIM_RULE_TERMS,
                         "escrow %s seq %" PRId64 ": not the word of its arbiter",
                         check_text(deal->id), resolved->seq);
    }
    if (staff && has_arbiter &&
        resolved->at_us - deal->escalated_at_us < INT64_C(5) * 86400 * 1000000) {
        sim_verdict_fail(verdict, SIM_RULE_TERMS,
                         "escrow %s seq %" PRId64 ": decided by staff in the arbiter's time",
                         check_text(deal->id), resolved->seq);
    }
    if (resolved->from_state != ESCROW_ESCALATED ||
        said->seller_minor + said->buyer_minor != deal->sums[ESCROW_ACCOUNT_ESCROW_DISP]) {
        sim_verdict_fail(verdict, SIM_RULE_TERMS,
                         "escrow %s seq %" PRId64 ": a verdict over %" PRId64 " and %" PRId64,
                         check_text(deal->id), resolved->seq, said->seller_minor,
                         said->buyer_minor);
    }
}

void check_consent(struct sim_check *check, struct check_deal *deal,
                   const struct escrow_transition *transition, const struct escrow *escrow,
                   struct sim_verdict *verdict)
{
    if (transition->event == ESCROW_EVENT_SPLIT_PROPOSED) {
        deal->offers++;
        deal->offered_by = transition->actor_id;
    } else if (transition->event == ESCROW_EVENT_SPLIT_AGREED) {
        check_agreed(check, deal, transition, escrow, verdict);
    } else if (transition->event == ESCROW_EVENT_SPLIT_WITHDRAWN) {
        check_withdrawn(deal, transition, verdict);
    } else if (transition->event == ESCROW_EVENT_DISPUTE_ESCALATED) {
        deal->escalated_at_us = transition->at_us;
    } else if (transition->event == ESCROW_EVENT_DISPUTE_RESOLVED) {
        check_resolved(check, deal, transition, verdict);
    }
}
