/*
 * Who divides what is held: two people, about one offer. In: a deal's transitions in their order, and the requests that
 * people made. That the sums are right is the ledger's matter.
 */
#include <inttypes.h>

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
    if (deal->offers == 0 || (!by_buyer && !by_seller) ||
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

void check_consent(struct sim_check *check, struct check_deal *deal,
                   const struct escrow_transition *transition, const struct escrow *escrow,
                   struct sim_verdict *verdict)
{
    if (transition->event == ESCROW_EVENT_SPLIT_PROPOSED) {
        deal->offers++;
        deal->offered_by = transition->actor_id;
    } else if (transition->event == ESCROW_EVENT_SPLIT_AGREED) {
        check_agreed(check, deal, transition, escrow, verdict);
    }
}
