/* Users in an engine over the simulated pair: intake rows in, accounts, events and outcomes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"
#include "base/lane.h"
#include "engine/engine_tables.h"
#include "gateway/gateway_account_command.h"
#include "gateway/gateway_in.h"
#include "gateway/gateway_repo.h"
#include "holdfast/accounts/v1/events.pb-c.h"
#include "sim/sim_world.h"
#include "wire/wire.h"

#define STEP_US 5000
#define PATIENCE_MS 20000
#define DISCORD STR("123456789012345678")
#define OTHER_DISCORD STR("223456789012345678")

typedef Holdfast__Accounts__V1__AccountsEvent wire_event;

struct rig {
    struct sim_world *world;
    struct op *op; /* the world's */
    struct sim_db *db;
    struct store *store; /* the test's own */
    uint32_t command_count;
};

static void ok(struct rig *rig, struct status st)
{
    if (status_failed(st)) {
        print_error("%s: %s\n", rig->op->err.code, rig->op->err.msg);
    }
    assert_false(status_failed(st));
}

static int open_rig(void **state)
{
    struct rig *rig = test_calloc(1, sizeof(*rig));
    rig->world = sim_world_open(1);
    rig->op = &rig->world->op;
    rig->op->correlation_id = STR("c0000000-0000-4000-8000-00000000000c");
    uint32_t gateway = sim_world_add(rig->world, &gateway_service);
    rig->db = rig->world->services[gateway].db;
    rig->store = sim_db_store(rig->db);
    ok(rig, rig->store->ops->connect(rig->op, rig->store));
    (void)sim_world_start(rig->world, gateway);
    *state = rig;
    return 0;
}

static int close_rig(void **state)
{
    struct rig *rig = *state;
    rig->store->ops->close(rig->store);
    sim_world_close(rig->world);
    test_free(rig);
    return 0;
}

static void step(struct rig *rig)
{
    sim_world_turns(rig->world);
    sim_world_pass(rig->world, STEP_US);
}

static struct id named(const char *name)
{
    return id_namespace(str_of(name));
}

/* ---- What the intake stores ---- */

static void put(struct rig *rig, const struct table *table, const void *row)
{
    struct store_fence fence;
    const void *rows[] = {row};
    ok(rig, rig->store->ops->begin(rig->op, rig->store, NULL, 0, &fence));
    ok(rig, rig->store->ops->insert(rig->op, rig->store, table, rows, 1));
    ok(rig, rig->store->ops->commit(rig->op, rig->store));
}

static struct gateway_account_order order_of(enum gateway_account_verb verb,
                                             enum engine_actor_kind kind, const char *who)
{
    return (struct gateway_account_order){
        .verb = verb,
        .caller = {.kind = kind, .account_id = named(who)},
        .display_name = STR("Ada"),
        .discord_id = STR(""),
        .now_us = SIM_WORLD_START_US,
    };
}

/* As the intake would: durable, and never published by whoever took it. Returns its id and key. */
static struct intake_request submit(struct rig *rig, struct gateway_account_order order)
{
    struct strbuf key;
    struct gateway_account_command command;
    strbuf_init(&key, rig->op->arena, 32);
    strbuf_addf(&key, "key-%u", rig->command_count++);
    assert_true(strbuf_finish(&key, &order.key));
    ok(rig, gateway_account_command_make(rig->op, &order, &command));
    const struct intake_request *request = &command.request;
    const struct intake_row row = {
        .id = request->id,
        .lane = lane_of_key(request->key),
        .topic = str_of(topology_topics[request->topic].name),
        .key = request->key,
        .type = request->type,
        .payload = request->payload,
        .content = request->content,
        .account = request->account,
        .created_at_us = rig->world->clock.wall_us,
        .due_at_us = rig->world->clock.wall_us,
        .open = true,
    };
    put(rig, &engine_intake_table, &row);
    return *request;
}

static struct intake_row load_intake(struct rig *rig, struct id id)
{
    struct store_rows rows;
    ok(rig, rig->store->ops->load(rig->op, rig->store, &engine_intake_table, &id, 1, &rows));
    ok(rig, rig->store->ops->sync(rig->op, rig->store));
    assert_int_equal(rows.count, 1);
    return *(const struct intake_row *)rows.rows;
}

/* Runs until the command has its outcome: this code, or NULL for acceptance. */
static void expect(struct rig *rig, struct id command, const char *code)
{
    int64_t until_us = rig->world->clock.wall_us + PATIENCE_MS * 1000;
    while (load_intake(rig, command).open && rig->world->clock.wall_us < until_us) {
        step(rig);
    }
    const struct intake_row row = load_intake(rig, command);
    assert_int_equal(row.outcome, code ? INTAKE_REJECTED : INTAKE_ACCEPTED);
    assert_true(str_eq(row.outcome_code, str_of(code ? code : "")));
    assert_int_equal(row.outcome_sentence.len > 0, code != NULL);
    assert_int_equal(sim_db_count(rig->db, &engine_parked_key_table), 0);
}

/* The n-th event of the user's lane, from 1. */
static const wire_event *event_at(struct rig *rig, struct id user, uint32_t n)
{
    int32_t lane = lane_of_key(user);
    assert_true(sim_kafka_count(rig->world->kafka, TOPIC_ACCOUNTS_EVENTS_V1, lane) >= n);
    const struct bus_record record =
        sim_kafka_record(rig->world->kafka, TOPIC_ACCOUNTS_EVENTS_V1, lane, n - 1);
    ProtobufCMessage *unpacked;
    ok(rig, wire_unpack(rig->op, &holdfast__accounts__v1__accounts_event__descriptor, record.value,
                        WIRE_BUDGET_BYTES, &unpacked));
    ok(rig, wire_check_key(rig->op, &record, user));
    assert_true(record.numbered);
    return (const wire_event *)unpacked;
}

static uint32_t events(struct rig *rig, struct id user)
{
    return sim_kafka_count(rig->world->kafka, TOPIC_ACCOUNTS_EVENTS_V1, lane_of_key(user));
}

static struct id joined(struct rig *rig)
{
    const struct intake_request request =
        submit(rig, order_of(GATEWAY_ACCOUNT_REGISTER, ENGINE_ACTOR_MARKETPLACE, "marketplace"));
    expect(rig, request.id, NULL);
    return request.key;
}

static struct id link_by(struct rig *rig, struct id user, enum engine_actor_kind kind,
                         const char *who, struct str discord_id)
{
    struct gateway_account_order order = order_of(GATEWAY_ACCOUNT_LINK_DISCORD, kind, who);
    order.user_id = user;
    order.discord_id = discord_id;
    return submit(rig, order).id;
}

/* ---- The tests ---- */

static void tells_who_joined(void **state)
{
    struct rig *rig = *state;
    struct gateway_account_order order =
        order_of(GATEWAY_ACCOUNT_REGISTER, ENGINE_ACTOR_MARKETPLACE, "marketplace");
    order.discord_id = DISCORD;
    const struct intake_request request = submit(rig, order);
    expect(rig, request.id, NULL);
    const wire_event *event = event_at(rig, request.key, 1);
    struct engine_message meta;
    struct id marketplace;
    struct id correlation;
    assert_true(id_parse(rig->op->correlation_id, &correlation));
    ok(rig, wire_meta_read(rig->op, event->meta, &meta));
    assert_false(id_is_none(meta.causation_id)); /* the answer to its claim, of the same request */
    assert_true(id_eq(meta.correlation_id, correlation));
    assert_int_equal(meta.actor.kind, ENGINE_ACTOR_MARKETPLACE);
    assert_int_equal(event->seq, 1);
    assert_int_equal(event->body_case, HOLDFAST__ACCOUNTS__V1__ACCOUNTS_EVENT__BODY_USER_JOINED);
    assert_string_equal(event->user_joined->display_name, "Ada");
    assert_string_equal(event->user_joined->discord_id, "123456789012345678");
    ok(rig, wire_id(rig->op, "marketplace_id", event->user_joined->marketplace_id, &marketplace));
    assert_true(id_eq(marketplace, named("marketplace")));
    assert_int_equal(events(rig, request.key), 1);
}

static void tells_of_links_that_change_something(void **state)
{
    struct rig *rig = *state;
    struct id user = joined(rig);
    expect(rig, link_by(rig, user, ENGINE_ACTOR_MARKETPLACE, "marketplace", DISCORD), NULL);
    expect(rig, link_by(rig, user, ENGINE_ACTOR_STAFF, "staff", DISCORD), NULL);
    assert_int_equal(events(rig, user), 2);
    expect(rig, link_by(rig, user, ENGINE_ACTOR_STAFF, "staff", OTHER_DISCORD), NULL);
    const wire_event *event = event_at(rig, user, 3);
    assert_int_equal(event->seq, 3);
    assert_int_equal(event->body_case, HOLDFAST__ACCOUNTS__V1__ACCOUNTS_EVENT__BODY_ACCOUNT_LINKED);
    assert_string_equal(event->account_linked->discord_id, "223456789012345678");
}

static struct intake_request register_with(struct rig *rig, const char *who, struct str discord_id)
{
    struct gateway_account_order order =
        order_of(GATEWAY_ACCOUNT_REGISTER, ENGINE_ACTOR_MARKETPLACE, who);
    order.discord_id = discord_id;
    return submit(rig, order);
}

static struct gateway_claim claim_of(struct rig *rig, const char *marketplace,
                                     struct str discord_id)
{
    struct id id = gateway_claim_id(named(marketplace), discord_id);
    struct store_rows rows;
    ok(rig, rig->store->ops->load(rig->op, rig->store, &gateway_claim_table, &id, 1, &rows));
    ok(rig, rig->store->ops->sync(rig->op, rig->store));
    assert_int_equal(rows.count, 1);
    return *(const struct gateway_claim *)rows.rows;
}

/* Until everything that was posted is decided. */
static void settle(struct rig *rig)
{
    for (int i = 0; i < PATIENCE_MS * 1000 / STEP_US; i++) {
        step(rig);
    }
    assert_int_equal(sim_db_count(rig->db, &engine_parked_key_table), 0);
    assert_int_equal(sim_db_count(rig->db, &engine_quarantine_table), 0);
}

/* By their own lanes, which have nothing in common, and all at once: one is first. */
static void one_user_of_a_marketplace_gets_it(void **state)
{
    enum { USERS = 12 };

    struct rig *rig = *state;
    struct id commands[USERS];
    for (int i = 0; i < USERS; i++) {
        bool links = i % 2 == 0;
        commands[i] = links ? link_by(rig, joined(rig), ENGINE_ACTOR_MARKETPLACE, "marketplace",
                                      OTHER_DISCORD)
                            : register_with(rig, "marketplace", OTHER_DISCORD).id;
    }
    settle(rig);
    int accepted = 0;
    for (int i = 0; i < USERS; i++) {
        const struct intake_row row = load_intake(rig, commands[i]);
        assert_false(row.open);
        accepted += row.outcome == INTAKE_ACCEPTED ? 1 : 0;
        assert_true(row.outcome == INTAKE_ACCEPTED ||
                    str_eq(row.outcome_code, STR("user.discord_id_taken")));
    }
    assert_int_equal(accepted, 1);
    assert_int_equal(claim_of(rig, "marketplace", OTHER_DISCORD).grants, 1);
}

static void another_marketplace_has_its_own(void **state)
{
    struct rig *rig = *state;
    expect(rig, register_with(rig, "marketplace", DISCORD).id, NULL);
    expect(rig, register_with(rig, "another", DISCORD).id, NULL);
    expect(rig, register_with(rig, "another", DISCORD).id, "user.discord_id_taken");
}

static void what_a_user_leaves_is_free(void **state)
{
    struct rig *rig = *state;
    const struct intake_request first = register_with(rig, "marketplace", DISCORD);
    expect(rig, first.id, NULL);
    expect(rig, register_with(rig, "marketplace", DISCORD).id, "user.discord_id_taken");
    expect(rig, link_by(rig, first.key, ENGINE_ACTOR_STAFF, "staff", OTHER_DISCORD), NULL);
    settle(rig);
    assert_int_equal(claim_of(rig, "marketplace", DISCORD).grants, 0);
    expect(rig, register_with(rig, "marketplace", DISCORD).id, NULL);
    expect(rig, link_by(rig, first.key, ENGINE_ACTOR_STAFF, "staff", DISCORD),
           "user.discord_id_taken");
    settle(rig);
    assert_int_equal(claim_of(rig, "marketplace", OTHER_DISCORD).grants,
                     1); /* it keeps what it has */
}

/* To and fro, the same one twice, all at once: what remains granted is what the account has, once. */
static void grants_that_are_not_used_go_back(void **state)
{
    struct rig *rig = *state;
    struct id user = joined(rig);
    struct id commands[8];
    for (int i = 0; i < 8; i++) {
        commands[i] =
            link_by(rig, user, ENGINE_ACTOR_STAFF, "staff", i % 3 == 2 ? OTHER_DISCORD : DISCORD);
    }
    settle(rig);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(load_intake(rig, commands[i]).outcome, INTAKE_ACCEPTED);
    }
    struct store_rows rows;
    ok(rig, rig->store->ops->load(rig->op, rig->store, &gateway_account_table, &user, 1, &rows));
    ok(rig, rig->store->ops->sync(rig->op, rig->store));
    const struct gateway_account *account = rows.rows;
    bool first = str_eq(account->discord_id, DISCORD);
    assert_int_equal(claim_of(rig, "marketplace", DISCORD).grants, first ? 1 : 0);
    assert_int_equal(claim_of(rig, "marketplace", OTHER_DISCORD).grants, first ? 0 : 1);
}

/* What HTTP refuses first is refused here all the same: whoever asked hears why, and nobody else. */
static void refuses_in_the_lane(void **state)
{
    struct rig *rig = *state;
    struct id user = joined(rig);
    expect(rig, link_by(rig, named("nobody"), ENGINE_ACTOR_STAFF, "staff", DISCORD),
           "user.unknown");
    expect(rig, link_by(rig, user, ENGINE_ACTOR_MARKETPLACE, "another", DISCORD),
           "user.not_allowed");
    expect(rig, link_by(rig, user, ENGINE_ACTOR_STAFF, "staff", STR("12")), "user.bad_discord_id");
    struct gateway_account_order order =
        order_of(GATEWAY_ACCOUNT_REGISTER, ENGINE_ACTOR_STAFF, "staff");
    order.display_name = STR("a\nb");
    const struct intake_request bad = submit(rig, order);
    expect(rig, bad.id, "user.bad_name");
    assert_int_equal(sim_db_count(rig->db, &gateway_account_table), 1);
    assert_int_equal(sim_db_count(rig->db, &engine_outbox_table), 1);
    expect(rig, link_by(rig, user, ENGINE_ACTOR_STAFF, "staff", DISCORD), NULL);
}

/* A row that cannot be is not worked on, though the link would mend it: its messages wait for a person. */
static void parks_what_is_unsound(void **state)
{
    struct rig *rig = *state;
    struct id user = named("broken");
    const struct gateway_account broken = {.id = user,
                                           .seq = 1,
                                           .display_name = STR("Ada"),
                                           .discord_id = STR("12"),
                                           .created_at_us = 1,
                                           .updated_at_us = 1};
    put(rig, &gateway_account_table, &broken);
    struct id command = link_by(rig, user, ENGINE_ACTOR_STAFF, "staff", DISCORD);
    for (int64_t until_us = rig->world->clock.wall_us + PATIENCE_MS * 1000;
         sim_db_count(rig->db, &engine_parked_message_table) == 0 &&
         rig->world->clock.wall_us < until_us;) {
        step(rig);
    }
    assert_int_equal(sim_db_count(rig->db, &engine_parked_message_table), 1);
    assert_true(load_intake(rig, command).open);
    assert_int_equal(events(rig, user), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tells_who_joined, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(tells_of_links_that_change_something, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(one_user_of_a_marketplace_gets_it, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(another_marketplace_has_its_own, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(what_a_user_leaves_is_free, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(grants_that_are_not_used_go_back, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(refuses_in_the_lane, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(parks_what_is_unsound, open_rig, close_rig),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
