/* Requests in; a row, and most of the time a record, out. */
#include "sim_intake.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/lane.h"
#include "engine/engine_tables.h"
#include "sim_memory.h"

void sim_intake_init(struct intake *intake, const struct sim_place *place, enum sim_service service)
{
    *intake = (struct intake){.place = place, .service = service};
}

void sim_intake_fini(struct intake *intake)
{
    sim_index_fini(&intake->taken_index);
    free(intake->taken);
    intake->taken = NULL;
}

static void remember(struct intake *intake, const struct intake_request *request)
{
    uint32_t at = sim_index_get(&intake->taken_index, request->id);
    if (at == SIM_INDEX_NONE) {
        at = intake->taken_count++;
        intake->taken =
            sim_array_room(intake->taken, at, &intake->taken_capacity, sizeof(intake->taken[0]));
        sim_index_set(&intake->taken_index, request->id, at);
    }
    intake->taken[at] = (struct sim_taken){.id = request->id,
                                           .key = request->key,
                                           .content = request->content,
                                           .topic = request->topic,
                                           .at_us = intake->place->clock->mono_us};
}

static void keep_extra(struct sim_db *db, const struct intake_request *request)
{
    if (request->extra_table && !sim_db_find(db, request->extra_table, request->extra_row)) {
        sim_db_put(db, request->extra_table, request->extra_row);
    }
}

static void publish(struct sim_kafka *kafka, const struct intake_request *request)
{
    char key[ID_TEXT_BYTES];
    id_format(request->key, key);
    const struct bus_message message = {
        .topic = request->topic,
        .partition = lane_of_key(request->key),
        .message_id = request->id,
        .type = request->type,
        .key = str_of(key),
        .value = request->payload,
    };
    sim_kafka_append(kafka, &message);
}

static void keep(struct sim_db *db, const struct intake_request *request, bool published)
{
    int64_t now_us = sim_db_now_us(db);
    int64_t after_us = published ? INTAKE_REPUBLISH_NO_OUTCOME_US : INTAKE_REPUBLISH_AFTER_US;
    const struct intake_row row = {
        .id = request->id,
        .lane = lane_of_key(request->key),
        .topic = str_of(topology_topics[request->topic].name),
        .key = request->key,
        .type = request->type,
        .payload = request->payload,
        .content = request->content,
        .account = request->account,
        .created_at_us = now_us,
        .due_at_us = now_us + after_us,
        .open = true,
        .outcome_code = STR(""),
        .outcome_sentence = STR(""),
    };
    sim_db_put(db, &engine_intake_table, &row);
}

STATUS intake_submit(struct op *op, struct intake *intake, const struct intake_request *request,
                     enum intake_result *ret_result)
{
    struct sim_db *db = intake->place->dbs[intake->service];
    enum sim_publish how = intake->next;
    intake->next = SIM_PUBLISH_ONCE;
    if (sim_db_is_away(db)) {
        intake->refused++;
        return op_fail(op, STATUS_RETRY, "intake.unavailable", "simulated");
    }
    if (request->topic == TOPIC_NONE) {
        keep_extra(db, request);
        *ret_result = INTAKE_STORED;
        return OK;
    }
    const struct intake_row like = {.id = request->id};
    const struct intake_row *known = sim_db_find(db, &engine_intake_table, &like);
    if (known) {
        bool same = hash_eq(&known->content, &request->content);
        intake->repeated += same ? 1 : 0;
        intake->different += same ? 0 : 1;
        *ret_result = same ? INTAKE_REPEATED : INTAKE_DIFFERENT;
        if (same) {
            remember(intake, request);
        }
        return OK;
    }
    /* Who finds no broker keeps the record in its producer and may end with it. */
    bool published = how != SIM_PUBLISH_NEVER && !sim_kafka_is_away(intake->place->kafka);
    keep_extra(db, request);
    keep(db, request, published);
    for (int i = 0; published && i < (how == SIM_PUBLISH_TWICE ? 2 : 1); i++) {
        publish(intake->place->kafka, request);
    }
    remember(intake, request);
    intake->stored++;
    *ret_result = INTAKE_STORED;
    return OK;
}
