/* The people of the simulation: what they leave at the gateway's door is what its handlers leave. */
#include "sim_traffic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "engine/engine_tables.h"
#include "escrow/escrow_in.h"
#include "gateway/gateway_repo.h"
#include "sim_time.h"

#define DEALS 20

struct fixture {
    struct clock_fake clock;
    struct arena arena;
    struct sim_place place;
    struct sim_stripe *stripe;
    struct sim_traffic_options options;
    struct sim_traffic *traffic;
};

static int setup(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof(*fixture));
    fixture->clock = (struct clock_fake){.mono_us = 1000000, .wall_us = INT64_C(1790000000000000)};
    clock_use_fake(&fixture->clock);
    arena_init(&fixture->arena, (size_t)16 * 1024 * 1024);
    fixture->place.clock = &fixture->clock;
    fixture->place.kafka = sim_kafka_new(&fixture->clock);
    fixture->place.dbs[SIM_GATEWAY] = sim_db_new(&fixture->clock);
    fixture->stripe = sim_stripe_new(&fixture->clock, 7);
    fixture->options = (struct sim_traffic_options){
        .seed = 3, .deals = DEALS, .people = 5, .open_within_us = MINUTE_US};
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    sim_traffic_free(fixture->traffic);
    sim_stripe_free(fixture->stripe);
    sim_db_free(fixture->place.dbs[SIM_GATEWAY]);
    sim_kafka_free(fixture->place.kafka);
    arena_fini(&fixture->arena);
    clock_use_fake(NULL);
    test_free(fixture);
    return 0;
}

static void live(struct fixture *fixture, int64_t us)
{
    if (!fixture->traffic) {
        fixture->traffic = sim_traffic_new(&fixture->place, fixture->stripe, &fixture->options);
    }
    int64_t until_us = fixture->clock.mono_us + us;
    for (int64_t next_us; (next_us = sim_traffic_next_us(fixture->traffic)) <= until_us;) {
        if (next_us > fixture->clock.mono_us) {
            fixture->clock.wall_us += next_us - fixture->clock.mono_us;
            fixture->clock.mono_us = next_us;
        }
        assert_true(sim_traffic_step(fixture->traffic));
    }
    assert_false(sim_traffic_step(fixture->traffic));
}

static uint32_t records(const struct fixture *fixture, enum topic topic)
{
    uint32_t count = 0;
    for (int32_t lane = 0; lane < LANES; lane++) {
        count += sim_kafka_count(fixture->place.kafka, topic, lane);
    }
    return count;
}

static uint32_t rows(const struct fixture *fixture, const struct table *table)
{
    return sim_db_count(fixture->place.dbs[SIM_GATEWAY], table);
}

/* Nobody shows them anything here, so all that they do is to open deals and to register. */
static void everybody_registers_and_every_deal_is_opened(void **state)
{
    struct fixture *fixture = *state;
    live(fixture, 100 * MINUTE_US);
    assert_int_equal(rows(fixture, &gateway_pending_table), DEALS);
    assert_int_equal(rows(fixture, &gateway_account_pending_table), 5);
    assert_int_equal(rows(fixture, &engine_intake_table), DEALS + 5);
    assert_int_equal(records(fixture, TOPIC_ESCROW_COMMANDS_V1), DEALS);
    assert_int_equal(records(fixture, TOPIC_GATEWAY_COMMANDS_V1), 5);
    assert_int_equal(sim_traffic_deal_count(fixture->traffic), DEALS);
    for (uint32_t i = 0; i < DEALS; i++) {
        const struct gateway_pending like = {.id = sim_traffic_deal(fixture->traffic, i)};
        assert_non_null(
            sim_db_find(fixture->place.dbs[SIM_GATEWAY], &gateway_pending_table, &like));
        assert_false(sim_traffic_is_poisoned(fixture->traffic, like.id));
    }
}

static void somebody_is_linked_so_many_times(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.links = 7;
    live(fixture, 100 * MINUTE_US);
    assert_int_equal(records(fixture, TOPIC_GATEWAY_COMMANDS_V1), 5 + 7);
    assert_int_equal(rows(fixture, &engine_intake_table), DEALS + 5 + 7);
}

static void what_they_ask_for_escrow_can_read(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.hasty = 10000;
    live(fixture, 100 * MINUTE_US);
    uint32_t read = 0;
    uint32_t kinds = 0;
    for (int32_t lane = 0; lane < LANES; lane++) {
        uint32_t count = sim_kafka_count(fixture->place.kafka, TOPIC_ESCROW_COMMANDS_V1, lane);
        for (uint32_t i = 0; i < count; i++) {
            struct bus_record record =
                sim_kafka_record(fixture->place.kafka, TOPIC_ESCROW_COMMANDS_V1, lane, i);
            struct op op = {.arena = &fixture->arena};
            struct engine_message message = {.type = 0};
            assert_int_equal(escrow_in_commands_decode(&op, &record, &message).kind, STATUS_OK);
            kinds |= UINT32_C(1) << message.type;
            read++;
        }
    }
    assert_true(read > 2 * DEALS);
    assert_int_equal(__builtin_popcount(kinds),
                     GATEWAY_ACTION_COUNT - 1); /* all that can be asked for */
}

static void who_dies_after_the_commit_publishes_nothing(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.unpublished = 10000;
    live(fixture, 100 * MINUTE_US);
    assert_int_equal(rows(fixture, &engine_intake_table), DEALS + 5);
    assert_int_equal(records(fixture, TOPIC_ESCROW_COMMANDS_V1), 0);
}

static void who_hears_no_answer_publishes_again(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.published_twice = 10000;
    live(fixture, 100 * MINUTE_US);
    assert_int_equal(rows(fixture, &engine_intake_table), DEALS + 5);
    assert_int_equal(records(fixture, TOPIC_ESCROW_COMMANDS_V1), 2 * DEALS);
}

static void a_request_that_was_not_taken_comes_again(void **state)
{
    struct fixture *fixture = *state;
    sim_db_set_away(fixture->place.dbs[SIM_GATEWAY], true);
    live(fixture, 2 * MINUTE_US);
    assert_int_equal(rows(fixture, &engine_intake_table), 0);
    sim_traffic_settle(fixture->traffic); /* even when all else has stopped */
    sim_db_set_away(fixture->place.dbs[SIM_GATEWAY], false);
    live(fixture, 2 * MINUTE_US);
    assert_int_equal(rows(fixture, &gateway_pending_table), DEALS);
}

static void a_repeated_request_is_the_same(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.repeated = 10000;
    live(fixture, 100 * MINUTE_US);
    assert_int_equal(rows(fixture, &engine_intake_table), DEALS + 5);
    assert_int_equal(records(fixture, TOPIC_ESCROW_COMMANDS_V1), DEALS);
}

static void poison_is_known_as_such(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.poison = 10000;
    live(fixture, 100 * MINUTE_US);
    assert_int_equal(rows(fixture, &gateway_pending_table), 0);
    assert_int_equal(records(fixture, TOPIC_ESCROW_COMMANDS_V1), DEALS);
    for (uint32_t i = 0; i < DEALS; i++) {
        assert_true(
            sim_traffic_is_poisoned(fixture->traffic, sim_traffic_deal(fixture->traffic, i)));
    }
}

/* Staff look at what the gateway shows, and have what failed tried again. */
static void staff_retry_what_failed_once_all_settles(void **state)
{
    struct fixture *fixture = *state;
    live(fixture, 100 * MINUTE_US);
    uint32_t before = records(fixture, TOPIC_ESCROW_COMMANDS_V1);
    const struct gateway_view view = {
        .id = sim_traffic_deal(fixture->traffic, 0),
        .state = GATEWAY_STATE_COUNT - 1,
        .refund_failed_minor = 1,
        .seller_account = STR(""),
        .description = STR(""),
        .payment_ref = STR(""),
        .payment_client_secret = STR(""),
    };
    sim_db_put(fixture->place.dbs[SIM_GATEWAY], &gateway_view_table, &view);
    sim_traffic_settle(fixture->traffic);
    live(fixture, 0);
    assert_int_equal(records(fixture, TOPIC_ESCROW_COMMANDS_V1), before + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everybody_registers_and_every_deal_is_opened, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_they_ask_for_escrow_can_read, setup, teardown),
        cmocka_unit_test_setup_teardown(who_dies_after_the_commit_publishes_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(who_hears_no_answer_publishes_again, setup, teardown),
        cmocka_unit_test_setup_teardown(somebody_is_linked_so_many_times, setup, teardown),
        cmocka_unit_test_setup_teardown(a_request_that_was_not_taken_comes_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_repeated_request_is_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(poison_is_known_as_such, setup, teardown),
        cmocka_unit_test_setup_teardown(staff_retry_what_failed_once_all_settles, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
