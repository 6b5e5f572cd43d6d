#include "sim_trace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "engine/engine_tables.h"

#define MIX UINT64_C(0x9e3779b97f4a7c15)

static void mix(struct sim_trace *trace, uint64_t value)
{
    trace->hash = (trace->hash ^ value) * MIX;
    trace->hash ^= trace->hash >> 29;
}

void sim_trace_line(const struct sim_trace *trace, const struct sim_world *world,
                    const struct sim_process *process, const char *format, ...)
{
    if (!trace->tells) {
        return;
    }
    int64_t us = world->clock.wall_us - SIM_WORLD_START_US;
    (void)printf("%6" PRId64 ".%06" PRId64 "  ", us / 1000000, us % 1000000);
    if (process) {
        const struct sim_world_service *service = &world->services[process->service];
        (void)printf(STR_FMT "#%u ", STR_ARG(service->service->name), process->number);
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vprintf(format, arguments);
    va_end(arguments);
    (void)printf("\n");
}

/* Asked all the time, and mostly for nothing. */
static bool is_dull(enum sim_step step)
{
    return step == SIM_STEP_POLL || step == SIM_STEP_DELIVERED || step == SIM_STEP_TAKE ||
           step == SIM_STEP_FREE_SLOTS || step == SIM_STEP_SEND || step == SIM_STEP_HURRY ||
           step == SIM_STEP_HEARTBEAT || step == SIM_STEP_SCAN;
}

/* What the commits since the last one brought. */
static void tell_records(struct sim_trace *trace, const struct sim_process *process)
{
    const struct sim_db *db = process->world->services[process->service].db;
    uint32_t count = sim_db_count(db, &engine_outbox_table);
    uint32_t *seen = &trace->outbox_seen[process->service];
    *seen = *seen > count ? 0 : *seen; /* restored */
    for (; *seen < count; (*seen)++) {
        const struct outbox_row *row = sim_db_row(db, &engine_outbox_table, *seen);
        char key[ID_TEXT_BYTES];
        id_format(row->aggregateid, key);
        sim_trace_line(trace, process->world, process,
                       "  decided " STR_FMT " of %s: %s/%d n %" PRId64, STR_ARG(row->type), key,
                       topology_topics[row->topic].name, row->lane, row->n);
    }
}

void sim_trace_heard(struct sim_trace *trace, const struct sim_process *process, const char *about,
                     enum status_kind kind, bool got)
{
    enum sim_step step = process->fault.step;
    mix(trace, (uint64_t)process->number << 32 | (uint64_t)step << 16 | (uint64_t)kind << 1 |
                   (got ? 1U : 0U));
    mix(trace, (uint64_t)process->world->clock.mono_us);
    if (!trace->tells) {
        return;
    }
    if (kind != STATUS_OK || got || !is_dull(step)) {
        sim_trace_line(trace, process->world, process, "%s %s%s%s", sim_step_name(step),
                       about ? about : "", kind == STATUS_OK ? "" : " -> ",
                       kind == STATUS_OK ? ""
                                         : status_kind_name((struct status){.kind = kind}.kind));
    }
    if (step == SIM_STEP_COMMIT) {
        tell_records(trace, process);
    }
}
