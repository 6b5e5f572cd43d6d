/* See the header. */
#include "escrow/testing/escrow_fake.h"

#include <string.h>

#include "base/assert.h"
#include "escrow/escrow_in.h"
#include "escrow/escrow_repo.h"

void fake_init(struct engine_turn *fake)
{
    memset(fake, 0, sizeof(*fake));
    arena_init(&fake->arena, FAKE_ARENA_BYTES);
    fake->op = (struct op){.arena = &fake->arena, .now_us = INT64_C(1700000000000000)};
}

void fake_fini(struct engine_turn *fake)
{
    arena_fini(&fake->arena);
}

/* ---- The engine's functions ---- */

struct op *engine_op(struct engine_turn *turn)
{
    return &turn->op;
}

void *engine_aggregate(struct engine_turn *turn)
{
    return turn->rows.exists ? &turn->rows.escrow : NULL;
}

void engine_changed(struct engine_turn *turn)
{
    turn->changed = true;
}

STATUS engine_create(struct engine_turn *turn, const void *row, void **ret_row)
{
    ASSERT(!turn->rows.exists);
    turn->rows.exists = true;
    turn->rows.escrow = *(const struct escrow *)row;
    turn->changed = true;
    *ret_row = &turn->rows.escrow;
    return OK;
}

uint32_t engine_children(struct engine_turn *turn, const struct table *table,
                         void *const **ret_rows)
{
    if (table == &escrow_dispute_table) {
        for (uint32_t i = 0; i < turn->rows.dispute_count; i++) {
            turn->dispute_rows[i] = &turn->rows.disputes[i];
        }
        *ret_rows = turn->dispute_rows;
        return turn->rows.dispute_count;
    }
    if (table == &escrow_part_table) {
        for (uint32_t i = 0; i < turn->rows.part_count; i++) {
            turn->part_rows[i] = &turn->rows.parts[i];
        }
        *ret_rows = turn->part_rows;
        return turn->rows.part_count;
    }
    if (table == &escrow_milestone_table) {
        for (uint32_t i = 0; i < turn->rows.milestone_count; i++) {
            turn->milestone_rows[i] = &turn->rows.milestones[i];
        }
        *ret_rows = turn->milestone_rows;
        return turn->rows.milestone_count;
    }
    ASSERT(table == &escrow_suspense_table);
    for (uint32_t i = 0; i < turn->rows.suspense_count; i++) {
        turn->suspense_rows[i] = &turn->rows.suspense[i];
    }
    *ret_rows = turn->suspense_rows;
    return turn->rows.suspense_count;
}

void engine_child_changed(struct engine_turn *turn, const struct table *table, const void *row)
{
    if (table == &escrow_dispute_table) {
        turn->changed_disputes |= UINT64_C(1)
                                  << ((const struct escrow_dispute *)row - turn->rows.disputes);
        return;
    }
    if (table == &escrow_part_table) {
        turn->changed_parts |= UINT64_C(1) << ((const struct escrow_part *)row - turn->rows.parts);
        return;
    }
    if (table == &escrow_milestone_table) {
        turn->changed_milestones |=
            UINT64_C(1) << ((const struct escrow_milestone *)row - turn->rows.milestones);
        return;
    }
    ASSERT(table == &escrow_suspense_table);
    turn->changed_rows |= UINT64_C(1)
                          << ((const struct escrow_suspense *)row - turn->rows.suspense);
}

STATUS engine_child_create(struct engine_turn *turn, const struct table *table, const void *row,
                           void **ret_row)
{
    if (table == &escrow_dispute_table) {
        ASSERT(turn->rows.dispute_count < ESCROW_DISPUTES_MAX);
        struct escrow_dispute *dispute = &turn->rows.disputes[turn->rows.dispute_count++];
        *dispute = *(const struct escrow_dispute *)row;
        *ret_row = dispute;
        return OK;
    }
    if (table == &escrow_part_table) {
        ASSERT(turn->rows.part_count < ESCROW_PARTS_MAX);
        struct escrow_part *part = &turn->rows.parts[turn->rows.part_count++];
        *part = *(const struct escrow_part *)row;
        *ret_row = part;
        return OK;
    }
    if (table == &escrow_milestone_table) {
        ASSERT(turn->rows.milestone_count < ESCROW_MILESTONES_MAX);
        struct escrow_milestone *one = &turn->rows.milestones[turn->rows.milestone_count++];
        *one = *(const struct escrow_milestone *)row;
        *ret_row = one;
        return OK;
    }
    ASSERT(table == &escrow_suspense_table);
    ASSERT(turn->rows.suspense_count < FAKE_SUSPENSE_MAX);
    struct escrow_suspense *copy = &turn->rows.suspense[turn->rows.suspense_count++];
    *copy = *(const struct escrow_suspense *)row;
    *ret_row = copy;
    return OK;
}

STATUS engine_append(struct engine_turn *turn, const struct table *table, const void *row)
{
    if (table == &escrow_transition_table) {
        ASSERT(turn->rows.transition_count < FAKE_HISTORY_MAX);
        turn->transitions[turn->rows.transition_count++] = *(const struct escrow_transition *)row;
    } else if (table == &escrow_verdict_table) {
        ASSERT(turn->rows.verdict_count < ESCROW_DISPUTES_MAX);
        turn->verdicts[turn->rows.verdict_count++] = *(const struct escrow_dispute_verdict *)row;
    } else if (table == &escrow_evidence_table) {
        ASSERT(turn->rows.evidence_count < FAKE_EVIDENCE_MAX);
        turn->evidence[turn->rows.evidence_count++] = *(const struct escrow_evidence *)row;
    } else {
        ASSERT(table == &escrow_transfer_table);
        ASSERT(turn->rows.transfer_count < FAKE_HISTORY_MAX);
        turn->transfers[turn->rows.transfer_count++] = *(const struct escrow_transfer *)row;
    }
    return OK;
}

struct id engine_next_id(struct engine_turn *turn)
{
    return id_nth(id_derive(turn->message.id, turn->message.committed_at_us), turn->ordinal++);
}

STATUS engine_afterwards(struct engine_turn *turn, engine_afterwards_fn *tell, const void *about)
{
    ASSERT(turn->to_tell < FAKE_AFTERWARDS_MAX);
    turn->tell[turn->to_tell] = tell;
    turn->about[turn->to_tell++] = about;
    return OK;
}

STATUS engine_emit(struct engine_turn *turn, enum topic topic, struct id id, struct str type,
                   struct str payload)
{
    ASSERT(turn->rows.record_count < FAKE_RECORDS_MAX);
    turn->records[turn->rows.record_count++] =
        (struct fake_record){.topic = topic, .id = id, .type = type, .payload = payload};
    return OK;
}

/* ---- Delivering ---- */

static void check_said(const struct engine_turn *fake)
{
    /* A copy of a row has the same padding, too. */
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
    bool same = memcmp(&fake->before.escrow, &fake->rows.escrow, sizeof(struct escrow)) == 0;
    ASSERT(same || fake->changed);
    for (uint32_t i = 0; i < fake->before.suspense_count; i++) {
        bool said = (fake->changed_rows & (UINT64_C(1) << i)) != 0;
        /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
        bool equal = memcmp(&fake->before.suspense[i], &fake->rows.suspense[i],
                            sizeof(struct escrow_suspense)) == 0;
        ASSERT(said || equal);
    }
    for (uint32_t i = 0; i < fake->before.dispute_count; i++) {
        bool said = (fake->changed_disputes & (UINT64_C(1) << i)) != 0;
        /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
        bool equal = memcmp(&fake->before.disputes[i], &fake->rows.disputes[i],
                            sizeof(struct escrow_dispute)) == 0;
        ASSERT(said || equal);
    }
    for (uint32_t i = 0; i < fake->before.part_count; i++) {
        bool said = (fake->changed_parts & (UINT64_C(1) << i)) != 0;
        const struct escrow_part *before = &fake->before.parts[i];
        /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
        bool equal = memcmp(before, &fake->rows.parts[i], sizeof(*before)) == 0;
        ASSERT(said || equal);
    }
    for (uint32_t i = 0; i < fake->before.milestone_count; i++) {
        bool said = (fake->changed_milestones & (UINT64_C(1) << i)) != 0;
        const struct escrow_milestone *before = &fake->before.milestones[i];
        /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
        bool equal = memcmp(before, &fake->rows.milestones[i], sizeof(*before)) == 0;
        ASSERT(said || equal);
    }
}

static struct status decode(struct engine_turn *fake, enum topic topic, struct id key,
                            struct str value, const struct engine_handler **ret_handler)
{
    struct bus_record record = {
        .topic = topic, .key = id_to_str(&fake->arena, key), .value = value};
    for (uint32_t i = 0; i < escrow_service.handler_count; i++) {
        const struct engine_handler *handler = &escrow_service.handlers[i];
        if (handler->topic == topic) {
            fake->message = (struct engine_message){.topic = topic};
            fake->ordinal = 0;
            fake->changed = false;
            fake->changed_rows = 0;
            fake->changed_disputes = 0;
            fake->changed_parts = 0;
            fake->changed_milestones = 0;
            fake->to_tell = 0;
            fake->before = fake->rows;
            *ret_handler = handler;
            return handler->decode(&fake->op, &record, &fake->message);
        }
    }
    UNREACHABLE("no handler of this topic");
}

STATUS fake_deliver(struct engine_turn *fake, enum topic topic, struct id key, struct str value)
{
    const struct engine_handler *handler = NULL;
    TRY(decode(fake, topic, key, value, &handler));
    struct status st = handler->decide(fake, &fake->message);
    if (status_failed(st)) {
        fake->rows = fake->before;
        return st;
    }
    check_said(fake);
    for (uint32_t i = 0; i < fake->to_tell; i++) {
        fake->tell[i](&fake->op, fake->about[i]);
    }
    return OK;
}

STATUS fake_drop(struct engine_turn *fake, enum topic topic, struct id key, struct str value)
{
    const struct engine_handler *handler = NULL;
    TRY(decode(fake, topic, key, value, &handler));
    ASSERT(handler->dropped);
    return handler->dropped(fake, &fake->message);
}
