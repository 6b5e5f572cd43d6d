/* The books and the order in which the rules are asked. */
#include "sim_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "sim_check_internal.h"
#include "sim_memory.h"

#define ARENA_BYTES ((size_t)4 * 1024 * 1024)

struct sim_check *sim_check_new(const struct sim_place *place, struct sim_stripe *stripe,
                                struct sim_discord *discord, const struct sim_traffic *traffic)
{
    struct sim_check *check = calloc(1, sizeof(*check));
    ASSERT(check);
    check->place = place;
    check->stripe = stripe;
    check->discord = discord;
    check->traffic = traffic;
    arena_init(&check->arena, ARENA_BYTES);
    return check;
}

void sim_check_forget(struct sim_check *check)
{
    sim_index_fini(&check->deal_index);
    sim_index_fini(&check->leg_index);
    sim_index_fini(&check->cause_index);
    sim_index_fini(&check->record_index);
    sim_index_fini(&check->fired);
    check->deal_count = 0;
    check->leg_count = 0;
    check->cause_count = 0;
    check->record_count = 0;
    check->object_cursor = 0;
    check->transition_cursor = 0;
    check->transfer_count = 0;
    for (int topic = 0; topic < TOPIC_COUNT; topic++) {
        for (int32_t lane = 0; lane < LANES; lane++) {
            struct check_line *line = &check->lines[topic][lane];
            free(line->at_us);
            free(line->contents);
            *line = (struct check_line){.cursor = 0};
        }
    }
}

void sim_check_free(struct sim_check *check)
{
    if (!check) {
        return;
    }
    sim_check_forget(check);
    free(check->deals);
    free(check->legs);
    free(check->causes);
    free(check->records);
    free(check->people);
    sim_index_fini(&check->linked);
    sim_index_fini(&check->awaited);
    sim_index_fini(&check->unheard);
    arena_fini(&check->arena);
    free(check);
}

void sim_check_reads_again(struct sim_check *check)
{
    check->reads_again_us = check->place->clock->wall_us;
}

/* ---- The books ---- */

const char *check_text(struct id id)
{
    static char texts[4][ID_TEXT_BYTES];
    static uint32_t next;
    char *text = texts[next++ % 4];
    id_format(id, text);
    return text;
}

struct check_deal *check_deal(struct sim_check *check, struct id escrow_id)
{
    uint32_t at = sim_index_get(&check->deal_index, escrow_id);
    if (at == SIM_INDEX_NONE) {
        check->deals = sim_array_room(check->deals, check->deal_count, &check->deal_capacity,
                                      sizeof(*check->deals));
        at = check->deal_count++;
        check->deals[at] = (struct check_deal){.id = escrow_id};
        sim_index_set(&check->deal_index, escrow_id, at);
    }
    return &check->deals[at];
}

struct check_leg *check_leg(struct sim_check *check, struct id leg_id)
{
    uint32_t at = sim_index_get(&check->leg_index, leg_id);
    if (at == SIM_INDEX_NONE) {
        check->legs = sim_array_room(check->legs, check->leg_count, &check->leg_capacity,
                                     sizeof(*check->legs));
        at = check->leg_count++;
        check->legs[at] = (struct check_leg){.id = leg_id};
        sim_index_set(&check->leg_index, leg_id, at);
    }
    return &check->legs[at];
}

struct check_cause *check_cause(struct sim_check *check, struct id cause_id)
{
    uint32_t at = sim_index_get(&check->cause_index, cause_id);
    if (at == SIM_INDEX_NONE) {
        check->causes = sim_array_room(check->causes, check->cause_count, &check->cause_capacity,
                                       sizeof(*check->causes));
        at = check->cause_count++;
        check->causes[at] = (struct check_cause){.at_us = 0};
        sim_index_set(&check->cause_index, cause_id, at);
    }
    return &check->causes[at];
}

struct check_record *check_record(struct sim_check *check, struct id message_id)
{
    uint32_t at = sim_index_get(&check->record_index, message_id);
    if (at == SIM_INDEX_NONE) {
        check->records = sim_array_room(check->records, check->record_count,
                                        &check->record_capacity, sizeof(*check->records));
        at = check->record_count++;
        check->records[at] = (struct check_record){.topic = TOPIC_NONE};
        sim_index_set(&check->record_index, message_id, at);
    }
    return &check->records[at];
}

enum sim_service check_service(const char *name)
{
    static const char *const names[SIM_SERVICE_COUNT] = {
        [SIM_GATEWAY] = "gateway",
        [SIM_ESCROW] = "escrow",
        [SIM_PAYMENTS] = "payments",
        [SIM_ORACLE] = "oracle",
        [SIM_NOTIFICATIONS] = "notifications",
    };
    int service = 0;
    while (service < SIM_SERVICE_COUNT && strcmp(names[service], name) != 0) {
        service++;
    }
    return (enum sim_service)service;
}

/* ---- The rules, in their order ---- */

void sim_check_always(struct sim_check *check, struct sim_verdict *verdict)
{
    check_ledger(check, verdict); /* first: what the platform has earned is its own */
    check_provider(check, verdict);
    check_rows(check, verdict);
    check_topics(check, verdict);
    check_positions(check, verdict);
}

static void check_drained(struct sim_check *check, struct sim_verdict *verdict)
{
    check_outcomes(check, verdict);
    check_caught_up(check, verdict);
    check_effects(check, verdict);
    check_published(check, verdict);
    check_parked(check, verdict);
    check_restored(check, verdict);
}

bool sim_check_is_quiet(struct sim_check *check)
{
    struct sim_verdict *verdict = calloc(1, sizeof(*verdict));
    ASSERT(verdict);
    bool quiet = sim_stripe_counts(check->stripe).waiting == 0;
    if (quiet) {
        check_drained(check, verdict);
        quiet = verdict->failures == 0 && !check_is_overdue(check) && !check_is_unheard(check);
    }
    free(verdict);
    return quiet;
}

void sim_check_end(struct sim_check *check, struct sim_verdict *verdict)
{
    sim_check_forget(check);
    sim_check_always(check, verdict);
    check_drained(check, verdict);
    check_inboxes(check, verdict);
    check_terms(check, verdict);
    check_taken(check, verdict);
    check_statement(check, verdict);
    check_ends(check, verdict);
    check_firings(check, verdict);
    check_intents(check, verdict);
    check_looks(check, verdict);
    check_views(check, verdict);
    if (check->discord) {
        check_notices(check, verdict);
    }
}
