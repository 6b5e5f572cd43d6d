/*
 * Which record is the next one. Lane-written topics are judged by one integer (R3), before anything
 * is decoded; intake topics by their inbox (R4), after the inbox was loaded.
 */
#include <inttypes.h>

#include "base/assert.h"
#include "engine/engine_internal.h"
#include "obs/log.h"

/* A restored writer uses numbers again: commit times then contradict the order of n. */
static STATUS refuse_fork(struct engine *engine, const struct engine_in *in,
                          const struct bus_record *record)
{
    return op_fail(&engine->op, STATUS_STOP, "engine.fork",
                   "%s/%" PRId32 " n=%" PRId64 " committed at %" PRId64 ", last n=%" PRId64
                   " committed at %" PRId64,
                   topology_topics[in->topic].name, record->partition, record->n,
                   record->committed_at_us, in->row.last_n, in->row.last_at_us);
}

/* All that `holdfastctl bus republish` wants to know: topic, lane, and from which n on. */
static void tell_gap(const struct engine *engine, const struct engine_in *in,
                     const struct bus_record *record)
{
    log_error(&engine->op, "engine.gap", LOG_STR("engine_service", engine->service->name),
              LOG_TEXT("topic", topology_topics[in->topic].name),
              LOG_I64("lane", record->partition), LOG_I64("from", in->row.last_n + 1),
              LOG_I64("n", record->n));
}

/* A lane without a row begins with what the log still has; money services demand the very first. */
static STATUS start(struct engine *engine, struct engine_in *in, const struct bus_record *record)
{
    if (engine->service->demands_first && record->n != 1) {
        return op_fail(&engine->op, STATUS_STOP, "engine.first_record_missing",
                       "%s/%" PRId32 " begins with n=%" PRId64, topology_topics[in->topic].name,
                       record->partition, record->n);
    }
    if (record->n != 1) {
        log_warn(&engine->op, "engine.started_late",
                 LOG_STR("engine_service", engine->service->name),
                 LOG_TEXT("topic", topology_topics[in->topic].name),
                 LOG_I64("lane", record->partition), LOG_I64("n", record->n));
    }
    in->started = true;
    in->row.last_n = record->n - 1;
    in->row.last_at_us = 0;
    return OK;
}

static STATUS judge_number(struct engine *engine, struct engine_in *in,
                           const struct bus_record *record, enum engine_fate *ret_fate)
{
    if (!record->numbered || record->n < 1) {
        return op_fail(&engine->op, STATUS_STOP, "engine.unnumbered_record",
                       "%s/%" PRId32 " offset %" PRId64, topology_topics[in->topic].name,
                       record->partition, record->offset);
    }
    if (!in->started) {
        TRY(start(engine, in, record));
    }
    int64_t step = record->n - in->row.last_n;
    if (step <= 0) {
        if (record->committed_at_us > in->row.last_at_us) {
            return refuse_fork(engine, in, record);
        }
        atomic_fetch_add_explicit(&engine->stats.duplicates, 1, memory_order_relaxed);
        *ret_fate = ENGINE_FATE_IGNORE;
        return OK;
    }
    if (step > 1) {
        if (!in->gap) {
            in->gap = true;
            atomic_fetch_add_explicit(&engine->stats.gaps, 1, memory_order_relaxed);
            tell_gap(engine, in, record);
        }
        *ret_fate = ENGINE_FATE_IGNORE;
        return OK;
    }
    if (record->committed_at_us < in->row.last_at_us) {
        return refuse_fork(engine, in, record);
    }
    in->gap = false;
    in->row.last_n = record->n;
    in->row.last_at_us = record->committed_at_us;
    *ret_fate = ENGINE_FATE_DECIDE;
    return OK;
}

STATUS engine_dedupe_record(struct engine *engine, struct engine_batch *batch,
                            struct engine_item *item)
{
    const struct bus_record *record = item->record;
    struct engine_in *in = &batch->ins[item->lane][item->in];
    item->fate = ENGINE_FATE_DECIDE;
    if (topology_topics[in->topic].kind == TOPOLOGY_LANE) {
        TRY(judge_number(engine, in, record, &item->fate));
    }
    in->row.next_offset = record->offset + 1;
    in->dirty = true;
    return OK;
}
