/*
 * Kafka loses what it had acknowledged: the newest records of a partition (an unclean election), or a
 * whole topic that somebody deleted and made anew. Writers notice and publish again (R7), readers find
 * their place by n (R3), open intakes come again (R5): nobody is asked.
 */
#include "engine/engine_tables.h"
#include "sim_run_internal.h"

#define TAIL_MAX 8 /* records lost at once, most times */
#define WHOLE_PER_MILLE 100
#define BROKEN_PER_MILLE 500 /* the new leader knows nothing of a producer's sequence */

static const struct lane_in_row *position_of(const struct sim_run *run, enum sim_service service,
                                             enum topic topic, int32_t lane)
{
    const struct lane_in_row like = {.lane = lane, .topic = str_of(topology_topics[topic].name)};
    return sim_db_find(run->place.dbs[service], &engine_lane_in_table, &like);
}

/* Whoever reads a partition for the first time begins with what is there (docs/reliability.md). */
static bool is_read_by_all(const struct sim_run *run, enum topic topic, int32_t lane)
{
    bool all = true;
    for (int i = 0; topology_topics[topic].readers[i]; i++) {
        enum sim_service reader = check_service(topology_topics[topic].readers[i]);
        all &= position_of(run, reader, topic, lane) != NULL;
    }
    return all;
}

static bool may_lose(const struct sim_run *run, enum topic topic, int32_t lane)
{
    return topology_topics[topic].kind != TOPOLOGY_CLOCK &&
           (sim_kafka_count(run->world->kafka, topic, lane) == 0 ||
            is_read_by_all(run, topic, lane));
}

static void break_producers(struct sim_run *run)
{
    if (sim_run_chance(run, BROKEN_PER_MILLE)) {
        sim_kafka_fail_produce(run->world->kafka, 1);
    }
}

void sim_run_lose_tail(struct sim_run *run)
{
    uint32_t places = (uint32_t)(TOPIC_COUNT - 1) * LANES;
    uint32_t first = (uint32_t)sim_run_below(run, places);
    for (uint32_t i = 0; i < places; i++) {
        uint32_t place = (first + i) % places;
        enum topic topic = (enum topic)(TOPIC_NONE + 1 + place / LANES);
        int32_t lane = (int32_t)(place % LANES);
        uint32_t count = sim_kafka_count(run->world->kafka, topic, lane);
        if (count == 0 || !may_lose(run, topic, lane)) {
            continue;
        }
        uint32_t most = sim_run_chance(run, WHOLE_PER_MILLE) || count < TAIL_MAX ? count : TAIL_MAX;
        uint32_t keep = count - 1 - (uint32_t)sim_run_below(run, most);
        sim_check_losing(run->check, &run->outcome->verdict);
        sim_kafka_truncate(run->world->kafka, topic, lane, keep);
        sim_trace_line(&run->trace, run->world, NULL, "%s/%d loses %u records of %u",
                       topology_topics[topic].name, lane, count - keep, count);
        break_producers(run);
        return;
    }
}

void sim_run_make_topic_anew(struct sim_run *run)
{
    enum topic topic = (enum topic)(TOPIC_NONE + 1 + sim_run_below(run, TOPIC_COUNT - 1));
    for (int32_t lane = 0; lane < LANES; lane++) {
        if (!may_lose(run, topic, lane)) {
            return;
        }
    }
    sim_check_losing(run->check, &run->outcome->verdict);
    sim_kafka_recreate(run->world->kafka, topic);
    sim_trace_line(&run->trace, run->world, NULL, "%s is made anew", topology_topics[topic].name);
    break_producers(run);
}

void sim_run_losses_heard(struct sim_run *run, const struct sim_process *process)
{
    static const enum sim_trouble troubles[SIM_LOSS_COUNT] = {
        [SIM_LOSS_TAIL] = SIM_TROUBLE_LOST_TAIL, [SIM_LOSS_TOPIC] = SIM_TROUBLE_NEW_TOPIC};

    for (int loss = SIM_LOSS_NONE + 1; loss < SIM_LOSS_COUNT; loss++) {
        uint64_t met = sim_kafka_losses_met(run->world->kafka, (enum sim_loss)loss);
        run->outcome->reach.counts[troubles[loss]][process->fault.step] +=
            met - run->losses_met[loss];
        run->losses_met[loss] = met;
    }
}
