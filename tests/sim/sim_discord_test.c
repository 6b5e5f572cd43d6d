/* The Discord that the simulation believes: what it says, what it remembers, who can read it. */
#include "sim_discord.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "notifications/notifications_discord.h"

#define READER "100000000000000001"

struct fixture {
    struct clock_fake clock;
    struct arena arena;
    struct op op;
    struct sim_discord *discord;
    struct sim_discord_line line;
    struct caller *caller;
    struct discord_fact fact; /* of the last answer */
};

static int setup(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof(*fixture));
    fixture->clock = (struct clock_fake){.mono_us = 1000000, .wall_us = INT64_C(1790000000000000)};
    clock_use_fake(&fixture->clock);
    arena_init(&fixture->arena, (size_t)1024 * 1024);
    fixture->op = (struct op){.arena = &fixture->arena};
    fixture->discord = sim_discord_new(&fixture->clock, 7);
    fixture->caller = sim_discord_line_init(&fixture->line, fixture->discord, 2);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    sim_discord_hang_up(&fixture->line);
    sim_discord_free(fixture->discord);
    arena_fini(&fixture->arena);
    clock_use_fake(NULL);
    test_free(fixture);
    return 0;
}

static void meet(struct fixture *fixture, enum sim_discord_fault fault)
{
    struct sim_discord_rates rates = {.latency_us = 0};
    if (fault != SIM_DISCORD_ANSWERS) {
        rates.faults[fault] = SIM_DISCORD_CHANCE;
    }
    sim_discord_set_rates(fixture->discord, &rates);
}

static void send(struct fixture *fixture, struct str request)
{
    const struct caller_call call = {.request = request, .not_after_ms = clock_mono_ms() + 1000};
    assert_true(fixture->caller->ops->send(fixture->caller, &call));
}

/* What notifications makes of the answer; NONE: there is none, or nothing was answered. */
static enum engine_verdict hear(struct fixture *fixture, enum caller_outcome *ret_outcome)
{
    struct caller_answer answer;
    struct str code;
    if (!fixture->caller->ops->take(fixture->caller, 0, &answer)) {
        return ENGINE_VERDICT_NONE;
    }
    enum engine_verdict verdict = ENGINE_VERDICT_NONE;
    *ret_outcome = answer.outcome;
    if (answer.outcome == CALLER_ANSWERED) {
        verdict = notifications_discord_judge(&fixture->op, &answer, &fixture->fact, &code);
        fixture->fact.ref = str_dup(&fixture->arena, fixture->fact.ref);
    }
    fixture->caller->ops->release(fixture->caller, &answer);
    return verdict;
}

static enum engine_verdict ask(struct fixture *fixture, struct str request)
{
    enum caller_outcome outcome;
    send(fixture, request);
    return hear(fixture, &outcome);
}

static struct str channel(struct fixture *fixture)
{
    struct str request;
    assert_int_equal(notifications_discord_open(&fixture->op, STR(READER), &request).kind,
                     STATUS_OK);
    assert_int_equal(ask(fixture, request), ENGINE_VERDICT_DONE);
    return fixture->fact.ref;
}

static struct str message(struct fixture *fixture, struct str channel_id, const char *delivery)
{
    struct str request;
    struct id id = id_v5(id_namespace(STR("test/discord")), str_of(delivery));
    assert_int_equal(
        notifications_discord_write(&fixture->op, channel_id, id, STR("hello"), &request).kind,
        STATUS_OK);
    return request;
}

static void a_person_has_one_channel_and_reads_what_is_said(void **state)
{
    struct fixture *fixture = *state;
    struct str first = channel(fixture);
    assert_true(str_eq(first, channel(fixture)));
    assert_int_equal(ask(fixture, message(fixture, first, "a")), ENGINE_VERDICT_DONE);
    assert_int_equal(sim_discord_count(fixture->discord), 1);
    assert_int_equal(sim_discord_message(fixture->discord, 0)->recipient,
                     UINT64_C(100000000000000001));
    assert_int_equal(sim_discord_counts(fixture->discord).bad, 0);
}

static void a_nonce_is_remembered_for_a_while(void **state)
{
    struct fixture *fixture = *state;
    struct str request = message(fixture, channel(fixture), "a");
    assert_int_equal(ask(fixture, request), ENGINE_VERDICT_DONE);
    struct str ref = fixture->fact.ref;
    fixture->clock.wall_us += SIM_DISCORD_NONCE_US;
    assert_int_equal(ask(fixture, request), ENGINE_VERDICT_DONE);
    assert_true(str_eq(ref, fixture->fact.ref));
    assert_int_equal(sim_discord_count(fixture->discord), 1);
    assert_int_equal(sim_discord_counts(fixture->discord).same_nonce, 1);
    fixture->clock.wall_us += 1;
    assert_int_equal(ask(fixture, request), ENGINE_VERDICT_DONE);
    assert_int_equal(sim_discord_count(fixture->discord), 2);
}

/* Each fault: what is heard, and whether it can be read. */
static void faults_do_what_they_say(void **state)
{
    struct fixture *fixture = *state;

    static const struct {
        enum sim_discord_fault fault;
        enum caller_outcome outcome;
        enum engine_verdict verdict;
        enum discord_fact_kind fact;
        uint32_t said;
    } rows[] = {
        {SIM_DISCORD_ANSWERS, CALLER_ANSWERED, ENGINE_VERDICT_DONE, DISCORD_FACT_DONE, 1},
        {SIM_DISCORD_NOT_SENT, CALLER_NOT_SENT, ENGINE_VERDICT_NONE, DISCORD_FACT_NONE, 0},
        {SIM_DISCORD_CALL_LOST, CALLER_UNKNOWN, ENGINE_VERDICT_NONE, DISCORD_FACT_NONE, 0},
        {SIM_DISCORD_REPLY_LOST, CALLER_UNKNOWN, ENGINE_VERDICT_NONE, DISCORD_FACT_NONE, 1},
        {SIM_DISCORD_ERROR_500, CALLER_ANSWERED, ENGINE_VERDICT_UNKNOWN, DISCORD_FACT_NONE, 0},
        {SIM_DISCORD_GARBAGE, CALLER_ANSWERED, ENGINE_VERDICT_UNKNOWN, DISCORD_FACT_NONE, 0},
        {SIM_DISCORD_LIMITED_429, CALLER_ANSWERED, ENGINE_VERDICT_LATER, DISCORD_FACT_NONE, 0},
        {SIM_DISCORD_HELD, CALLER_HELD, ENGINE_VERDICT_NONE, DISCORD_FACT_NONE, 0},
        {SIM_DISCORD_CLOSED, CALLER_ANSWERED, ENGINE_VERDICT_FAILED, DISCORD_FACT_CLOSED, 0},
        {SIM_DISCORD_REFUSED, CALLER_ANSWERED, ENGINE_VERDICT_FAILED, DISCORD_FACT_REFUSED, 0},
        {SIM_DISCORD_CHANNEL_GONE, CALLER_ANSWERED, ENGINE_VERDICT_FAILED, DISCORD_FACT_NO_CHANNEL,
         0},
    };

    assert_int_equal(ARRAY_LEN(rows), SIM_DISCORD_FAULT_COUNT);
    struct str channel_id = channel(fixture);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char delivery[2] = {(char)('a' + i), '\0'};
        enum caller_outcome outcome = CALLER_OUTCOME_COUNT;
        uint32_t before = sim_discord_count(fixture->discord);
        fixture->fact = (struct discord_fact){.kind = DISCORD_FACT_NONE};
        meet(fixture, rows[i].fault);
        send(fixture, message(fixture, channel_id, delivery));
        assert_int_equal(hear(fixture, &outcome), rows[i].verdict);
        assert_int_equal(outcome, rows[i].outcome);
        assert_int_equal(fixture->fact.kind, rows[i].fact);
        assert_int_equal(sim_discord_count(fixture->discord) - before, rows[i].said);
    }
    /* What is gone is gone; a new one is opened. */
    meet(fixture, SIM_DISCORD_ANSWERS);
    assert_int_equal(ask(fixture, message(fixture, channel_id, "z")), ENGINE_VERDICT_FAILED);
    struct str other = channel(fixture);
    assert_false(str_eq(other, channel_id));
    assert_int_equal(ask(fixture, message(fixture, other, "z")), ENGINE_VERDICT_DONE);
}

static void while_it_is_away_nothing_is_heard(void **state)
{
    struct fixture *fixture = *state;
    struct str channel_id = channel(fixture);
    enum caller_outcome outcome = CALLER_OUTCOME_COUNT;
    send(fixture, message(fixture, channel_id, "on its way"));
    sim_discord_set_away(fixture->discord, true);
    assert_int_equal(hear(fixture, &outcome), ENGINE_VERDICT_NONE);
    assert_int_equal(outcome, CALLER_UNKNOWN);
    assert_int_equal(sim_discord_count(fixture->discord), 1);
    bool met[CALLER_OUTCOME_COUNT] = {false};
    for (int i = 0; i < 40; i++) {
        send(fixture, message(fixture, channel_id, "in vain"));
        assert_int_not_equal(hear(fixture, &outcome), ENGINE_VERDICT_DONE);
        met[outcome] = true;
    }
    assert_true(met[CALLER_NOT_SENT] && met[CALLER_UNKNOWN] && met[CALLER_ANSWERED]);
    assert_int_equal(sim_discord_counts(fixture->discord).away, 40);
    assert_int_equal(sim_discord_count(fixture->discord), 1);
    sim_discord_set_away(fixture->discord, false);
    assert_int_equal(ask(fixture, message(fixture, channel_id, "in vain")), ENGINE_VERDICT_DONE);
}

static void answers_take_their_time_and_die_with_who_waits(void **state)
{
    struct fixture *fixture = *state;
    struct str channel_id = channel(fixture);
    sim_discord_set_rates(fixture->discord, &(struct sim_discord_rates){.latency_us = 1000000});
    send(fixture, message(fixture, channel_id, "a"));
    int64_t next_us = sim_discord_next_us(fixture->discord);
    assert_true(next_us > fixture->clock.mono_us);
    assert_int_equal(fixture->caller->ops->free_slots(fixture->caller), 1);
    enum caller_outcome outcome;
    assert_int_equal(hear(fixture, &outcome), ENGINE_VERDICT_NONE);
    fixture->clock.mono_us = next_us;
    assert_int_equal(hear(fixture, &outcome), ENGINE_VERDICT_DONE);
    send(fixture, message(fixture, channel_id, "b"));
    sim_discord_hang_up(&fixture->line);
    assert_int_equal(sim_discord_next_us(fixture->discord), INT64_MAX);
    assert_int_equal(sim_discord_count(fixture->discord), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_person_has_one_channel_and_reads_what_is_said, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_nonce_is_remembered_for_a_while, setup, teardown),
        cmocka_unit_test_setup_teardown(faults_do_what_they_say, setup, teardown),
        cmocka_unit_test_setup_teardown(while_it_is_away_nothing_is_heard, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_take_their_time_and_die_with_who_waits, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
