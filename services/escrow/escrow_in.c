/*
 * Where decisions meet the engine. In: decoded messages and the rows of their escrow. Out: changed
 * rows, transitions with their hashes, transfers, events, commands to payments and oracle. Decides nothing.
 */
#include "escrow/escrow_in.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/defer.h"
#include "escrow/escrow_chain.h"
#include "escrow/escrow_metrics.h"
#include "escrow/escrow_out_events.h"
#include "escrow/escrow_out_payments.h"
#include "escrow/escrow_out_timers.h"
#include "escrow/escrow_repo.h"
#include "obs/log.h"
#include "wire/wire.h"

STATUS escrow_in_new_body(struct op *op, struct engine_message *message,
                          struct escrow_message **ret_body)
{
    struct escrow_message *body = arena_new(op->arena, struct escrow_message, 1);
    if (!body) {
        return op_arena_full(op);
    }
    body->escrow_id = message->key;
    body->actor = message->actor;
    message->body = body;
    *ret_body = body;
    return OK;
}

/* The rows of the escrow that belong to it, in this batch's view. */
static struct status collect_rows(struct engine_turn *turn, struct escrow_facts *facts)
{
    struct op *op = engine_op(turn);
    void *const *suspense_rows = NULL;
    void *const *dispute_rows = NULL;
    void *const *part_rows = NULL;
    void *const *milestone_rows = NULL;
    facts->suspense_count = engine_children(turn, &escrow_suspense_table, &suspense_rows);
    facts->dispute_count = engine_children(turn, &escrow_dispute_table, &dispute_rows);
    facts->part_count = engine_children(turn, &escrow_part_table, &part_rows);
    facts->milestone_count = engine_children(turn, &escrow_milestone_table, &milestone_rows);
    const struct escrow_suspense **suspense =
        arena_new(op->arena, const struct escrow_suspense *, facts->suspense_count);
    const struct escrow_dispute **disputes =
        arena_new(op->arena, const struct escrow_dispute *, facts->dispute_count);
    const struct escrow_part **parts =
        arena_new(op->arena, const struct escrow_part *, facts->part_count);
    const struct escrow_milestone **milestones =
        arena_new(op->arena, const struct escrow_milestone *, facts->milestone_count);
    if (!suspense || !disputes || !parts || !milestones) {
        return op_arena_full(op);
    }
    for (uint32_t i = 0; i < facts->suspense_count; i++) {
        suspense[i] = suspense_rows[i];
    }
    for (uint32_t i = 0; i < facts->dispute_count; i++) {
        disputes[i] = dispute_rows[i];
    }
    for (uint32_t i = 0; i < facts->part_count; i++) {
        parts[i] = part_rows[i];
    }
    for (uint32_t i = 0; i < facts->milestone_count; i++) {
        milestones[i] = milestone_rows[i];
    }
    facts->suspense = suspense;
    facts->disputes = disputes;
    facts->parts = parts;
    facts->milestones = milestones;
    return OK;
}

static struct status check_rows(struct engine_turn *turn, const struct escrow *now,
                                const struct escrow_facts *facts, const char *which)
{
    const struct escrow_debts debts = escrow_debts_of(facts);
    if (!escrow_case_is_sound(now, &debts) ||
        !escrow_disputes_are_sound(now, facts->disputes, facts->dispute_count) ||
        !escrow_parts_are_sound(now, facts->parts, facts->part_count) ||
        !escrow_milestones_are_sound(now, facts->milestones, facts->milestone_count)) {
        return op_fail(engine_op(turn), STATUS_BUG, "escrow.unsound", "%s row of seq %" PRId64,
                       which, now->seq);
    }
    return OK;
}

/* The facts of a message. Rows are checked here, on their way in. */
static struct status collect_facts(struct engine_turn *turn, const struct escrow *now,
                                   const struct escrow_message *message,
                                   struct escrow_facts *ret_facts)
{
    struct escrow_facts facts = {.now_us = engine_op(turn)->now_us};
    if (now) {
        TRY(collect_rows(turn, &facts));
        TRY(check_rows(turn, now, &facts, "stored"));
    }
    uint32_t wanted = escrow_legs_wanted(message->kind);
    ASSERT(wanted <= ESCROW_LEGS_MAX);
    for (uint32_t i = 0; i < wanted; i++) {
        facts.legs[i] = engine_next_id(turn);
    }
    *ret_facts = facts;
    return OK;
}

/* What a transition says beside its transfers, where it is of that event. */
static struct escrow_dispute_verdict verdict_of(const struct escrow_step *step)
{
    return (struct escrow_dispute_verdict){
        .escrow_id = step->after.id,
        .seq = step->after.seq,
        .dispute = step->number,
        .seller_minor = step->seller_minor,
        .buyer_minor = step->buyer_minor,
        .reason = step->text,
        .signature = step->signature,
    };
}

static struct escrow_evidence evidence_of(const struct escrow_step *step)
{
    return (struct escrow_evidence){
        .escrow_id = step->after.id,
        .seq = step->after.seq,
        .dispute = step->number,
        .content = step->content,
        .type = step->evidence,
        .size_bytes = step->size_bytes,
        .description = step->text,
    };
}

/* Appends the transition of one step and its transfers; moves the chain's head on. */
static struct status append_history(struct engine_turn *turn, const struct engine_message *cause,
                                    const struct escrow_step *step, struct id id,
                                    struct hash *chain_head)
{
    struct escrow_transfer transfers[ESCROW_TRANSFERS_MAX];
    struct escrow_transition transition = {
        .id = id,
        .escrow_id = step->after.id,
        .seq = step->after.seq,
        .event = step->event,
        .from_state = step->from,
        .to_state = step->after.state,
        .cause_id = cause->id,
        .actor_kind = (int)cause->actor.kind,
        .actor_id = cause->actor.id,
        .transfer_count = (int)step->move_count,
        .milestone = (int)step->milestone,
        .at_us = engine_op(turn)->now_us,
        .prev_hash = *chain_head,
    };
    for (uint32_t i = 0; i < step->move_count; i++) {
        transfers[i] = (struct escrow_transfer){
            .escrow_id = step->after.id,
            .seq = step->after.seq,
            .ordinal = (int)i,
            .debit = step->moves[i].debit,
            .credit = step->moves[i].credit,
            .currency = step->moves[i].currency,
            .amount_minor = step->moves[i].amount_minor,
            .leg_id = step->moves[i].leg_id,
        };
    }
    const struct escrow_dispute_verdict verdict = verdict_of(step);
    const struct escrow_evidence evidence = evidence_of(step);
    const struct escrow_said said = {
        .verdict = step->event == ESCROW_EVENT_DISPUTE_RESOLVED ? &verdict : NULL,
        .evidence = step->event == ESCROW_EVENT_EVIDENCE_SUBMITTED ? &evidence : NULL,
    };
    transition.hash = escrow_chain_hash(&transition, transfers, said);
    TRY(engine_append(turn, &escrow_transition_table, &transition));
    if (said.verdict) {
        TRY(engine_append(turn, &escrow_verdict_table, said.verdict));
    }
    if (said.evidence) {
        TRY(engine_append(turn, &escrow_evidence_table, said.evidence));
    }
    for (uint32_t i = 0; i < step->move_count; i++) {
        TRY(engine_append(turn, &escrow_transfer_table, &transfers[i]));
    }
    *chain_head = transition.hash;
    return OK;
}

static void tell_unexpected(const struct op *op, const void *about)
{
    const struct escrow_suspense *money = about;
    if (money->state == ESCROW_SUSPENSE_FLAGGED) {
        log_error(op, "escrow.money_waits_for_staff", LOG_ID("escrow_id", money->escrow_id),
                  LOG_ID("leg_id", money->leg_id), LOG_I64("amount_minor", money->amount_minor),
                  LOG_STR("currency", money->currency));
    } else {
        log_warn(op, "escrow.money_goes_back", LOG_ID("escrow_id", money->escrow_id),
                 LOG_ID("leg_id", money->leg_id), LOG_I64("amount_minor", money->amount_minor),
                 LOG_STR("currency", money->currency));
    }
}

static struct status save_suspense(struct engine_turn *turn,
                                   const struct escrow_suspense_change *change)
{
    if (change->index == ESCROW_SUSPENSE_NEW) {
        struct escrow_suspense *told = arena_new(engine_op(turn)->arena, struct escrow_suspense, 1);
        if (!told) {
            return op_arena_full(engine_op(turn));
        }
        *told = change->row; /* the row itself may change again before the commit */
        TRY(engine_afterwards(turn, tell_unexpected, told));
        void *row = NULL;
        return engine_child_create(turn, &escrow_suspense_table, &change->row, &row);
    }
    void *const *rows = NULL;
    uint32_t count = engine_children(turn, &escrow_suspense_table, &rows);
    ASSERT(change->index < count);
    *(struct escrow_suspense *)rows[change->index] = change->row;
    engine_child_changed(turn, &escrow_suspense_table, rows[change->index]);
    return OK;
}

static struct status save_dispute(struct engine_turn *turn,
                                  const struct escrow_dispute_change *change)
{
    void *const *rows = NULL;
    if (change->index == ESCROW_DISPUTE_NEW) {
        void *row = NULL;
        return engine_child_create(turn, &escrow_dispute_table, &change->row, &row);
    }
    uint32_t count = engine_children(turn, &escrow_dispute_table, &rows);
    ASSERT(change->index < count);
    *(struct escrow_dispute *)rows[change->index] = change->row;
    engine_child_changed(turn, &escrow_dispute_table, rows[change->index]);
    return OK;
}

static struct status save_part(struct engine_turn *turn, const struct escrow_part_change *change)
{
    void *const *rows = NULL;
    if (change->index == ESCROW_PART_NEW) {
        void *row = NULL;
        return engine_child_create(turn, &escrow_part_table, &change->row, &row);
    }
    uint32_t count = engine_children(turn, &escrow_part_table, &rows);
    ASSERT(change->index < count);
    *(struct escrow_part *)rows[change->index] = change->row;
    engine_child_changed(turn, &escrow_part_table, rows[change->index]);
    return OK;
}

static struct status save_milestone(struct engine_turn *turn,
                                    const struct escrow_milestone_change *change)
{
    void *const *rows = NULL;
    if (change->index == ESCROW_MILESTONE_NEW) {
        void *row = NULL;
        return engine_child_create(turn, &escrow_milestone_table, &change->row, &row);
    }
    uint32_t count = engine_children(turn, &escrow_milestone_table, &rows);
    ASSERT(change->index < count);
    *(struct escrow_milestone *)rows[change->index] = change->row;
    engine_child_changed(turn, &escrow_milestone_table, rows[change->index]);
    return OK;
}

/* What only staff can settle: a dispute that nobody ended, a payout or a refund that the provider refused. */
struct staff_case {
    struct id escrow_id;
    enum escrow_event event;
    int64_t amount_minor;
};

static void tell_staff(const struct op *op, const void *about)
{
    const struct staff_case *told = about;
    if (told->event == ESCROW_EVENT_DISPUTE_ESCALATED) {
        log_error(op, "escrow.dispute_waits_for_staff", LOG_ID("escrow_id", told->escrow_id),
                  LOG_I64("amount_minor", told->amount_minor));
    } else {
        log_error(op,
                  told->event == ESCROW_EVENT_PAYOUT_FAILED ? "escrow.payout_failed"
                                                            : "escrow.refund_failed",
                  LOG_ID("escrow_id", told->escrow_id),
                  LOG_I64("amount_minor", told->amount_minor));
    }
}

static struct status alarm_staff(struct engine_turn *turn, const struct escrow_step *step)
{
    struct op *op = engine_op(turn);
    bool escalated = step->event == ESCROW_EVENT_DISPUTE_ESCALATED;
    bool payout = step->event == ESCROW_EVENT_PAYOUT_FAILED;
    if (!escalated && !payout && step->event != ESCROW_EVENT_REFUND_FAILED) {
        return OK;
    }
    struct staff_case *told = arena_new(op->arena, struct staff_case, 1);
    if (!told) {
        return op_arena_full(op);
    }
    *told = (struct staff_case){
        .escrow_id = step->after.id,
        .event = step->event,
        .amount_minor = escalated ? step->after.disputed_minor
                        : payout  ? step->after.payout_failed_minor
                                  : step->after.refund_failed_minor,
    };
    return engine_afterwards(turn, tell_staff, told);
}

/* The rows of a decision. `now`: whether the escrow had one before. */
static struct status save_rows(struct engine_turn *turn, const struct escrow *now,
                               const struct escrow_decision *decision)
{
    void *row = engine_aggregate(turn);
    if (now) {
        *(struct escrow *)row = decision->next;
        engine_changed(turn);
    } else {
        TRY(engine_create(turn, &decision->next, &row));
    }
    for (uint32_t i = 0; i < decision->suspense_count; i++) {
        TRY(save_suspense(turn, &decision->suspense[i]));
    }
    if (decision->has_dispute) {
        TRY(save_dispute(turn, &decision->dispute));
    }
    for (uint32_t i = 0; i < decision->part_count; i++) {
        TRY(save_part(turn, &decision->parts[i]));
    }
    for (uint32_t i = 0; i < decision->milestone_count; i++) {
        TRY(save_milestone(turn, &decision->milestones[i]));
    }
    struct escrow_facts after = {.now_us = 0};
    TRY(collect_rows(turn, &after));
    return check_rows(turn, row, &after, "decided"); /* on their way out, too */
}

static const struct escrow_dispute *open_dispute(const struct escrow_facts *rows)
{
    for (uint32_t i = 0; i < rows->dispute_count; i++) {
        if (rows->disputes[i]->state == ESCROW_DISPUTE_OPEN) {
            return rows->disputes[i];
        }
    }
    return NULL;
}

/* Each event, with the rows as they are then: what changes them is the last step. */
static struct status tell(struct engine_turn *turn, const struct engine_message *cause,
                          const struct escrow_step *step, struct id id)
{
    struct escrow_facts rows = {.now_us = 0};
    TRY(collect_rows(turn, &rows));
    const struct escrow_told told = {.step = step,
                                     .id = id,
                                     .milestones = rows.milestones,
                                     .milestone_count = rows.milestone_count,
                                     .dispute = open_dispute(&rows)};
    TRY(alarm_staff(turn, step));
    return escrow_out_event(turn, cause, &told);
}

static struct status accept(struct engine_turn *turn, const struct engine_message *cause,
                            const struct escrow *now, struct escrow_decision *decision)
{
    struct escrow *next = &decision->next;
    if (!now) {
        next->chain_head = escrow_chain_root(next);
    }
    struct id ids[ESCROW_STEPS_MAX];
    uint32_t last = decision->step_count - 1;
    for (uint32_t i = 0; i < decision->step_count; i++) {
        ids[i] = engine_next_id(turn);
        TRY(append_history(turn, cause, &decision->steps[i], ids[i], &next->chain_head));
    }
    for (uint32_t i = 0; i < last; i++) {
        TRY(tell(turn, cause, &decision->steps[i], ids[i]));
    }
    TRY(save_rows(turn, now, decision));
    TRY(tell(turn, cause, &decision->steps[last], ids[last]));
    for (uint32_t i = 0; i < decision->request_count; i++) {
        TRY(escrow_out_payment(turn, cause, next, &decision->requests[i]));
    }
    for (uint32_t i = 0; i < decision->timer_count; i++) {
        TRY(escrow_out_timer(turn, cause, next->id, &decision->timers[i]));
    }
    return OK;
}

static void count(const struct op *op, const void *about)
{
    (void)op;
    escrow_metrics_count(about);
}

static struct status count_afterwards(struct engine_turn *turn, const struct escrow *now,
                                      const struct escrow_message *message,
                                      const struct escrow_decision *decision)
{
    struct op *op = engine_op(turn);
    struct escrow_tally *tally = arena_new(op->arena, struct escrow_tally, 1);
    if (!tally) {
        return op_arena_full(op);
    }
    bool counts = escrow_metrics_tally(now, message, decision, op->now_us, tally);
    return counts ? engine_afterwards(turn, count, tally) : OK;
}

STATUS escrow_in_decide(struct engine_turn *turn, const struct engine_message *message)
{
    struct op *op = engine_op(turn);
    const struct escrow_message *body = message->body;
    const struct escrow *now = engine_aggregate(turn);
    struct escrow_facts facts;
    TRY(collect_facts(turn, now, body, &facts));
    struct escrow_decision decision = escrow_decide(now, body, &facts);
    TRY(count_afterwards(turn, now, body, &decision));
    switch (decision.verdict) {
    case ESCROW_ACCEPT: return accept(turn, message, now, &decision);
    case ESCROW_REJECT:
        return escrow_out_rejection(turn, message, now ? now->state : ESCROW_NONE, decision.reason);
    case ESCROW_IGNORE: return OK;
    case ESCROW_PARK:
        return op_fail(op, STATUS_CONFLICT, escrow_reason_text(decision.reason)->code, "%s in %s",
                       escrow_message_name(body->kind), escrow_state_name(now->state));
    case ESCROW_MISSING:
        return op_fail(op, STATUS_NOT_FOUND, "escrow.missing", "%s",
                       escrow_message_name(body->kind));
    case ESCROW_VERDICT_NONE:
    case ESCROW_VERDICT_COUNT: break;
    }
    UNREACHABLE("escrow verdict");
}
