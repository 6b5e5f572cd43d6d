/*
 * Streams over a real server and a real PostgreSQL, whose lanes are the test: it changes rows and tells
 * of it as a batch does. INV36: what is not the caller's never reaches it.
 */
#include "gateway/gateway_live.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/defer.h"
#include "gateway/gateway_http.h"
#include "gateway/gateway_repo.h"
#include "http/http_server.h"
#include "testing/testing_pg.h"

#define MARKETPLACE "a0000000-0000-4000-8000-000000000001"
#define BUYER "b0000000-0000-4000-8000-000000000002"
#define SELLER "c0000000-0000-4000-8000-000000000003"
#define STRANGER "f0000000-0000-4000-8000-000000000004"
#define STAFF "50000000-0000-4000-8000-000000000005"
#define DEAL "e0000000-0000-4000-8000-000000000001"
#define OTHER "e0000000-0000-4000-8000-000000000002"  /* the stranger's */
#define CLOSED "e0000000-0000-4000-8000-000000000003" /* long ago */
#define LATELY "e0000000-0000-4000-8000-000000000004" /* closed an hour ago */
#define UNPAID "e0000000-0000-4000-8000-000000000006" /* expired long ago */
#define PENDING "e0000000-0000-4000-8000-000000000005"
#define COMMAND "d0000000-0000-4000-8000-000000000001"  /* the buyer's */
#define CREATION "d0000000-0000-4000-8000-000000000002" /* of PENDING, the marketplace's */

#define SAYS_MAX_BYTES (256 * 1024)
#define WAIT_MS 12000 /* longer than a look may be late, shorter than a heartbeat */
#define LONG_MS 15000
#define NET_MS 200
#define BLIND_MS 1500 /* where it is tested; below PG_LOCK_TIMEOUT_MS */

static struct testing_pg *database;

struct rig {
    struct arena arena;
    struct op op;
    struct pg *pg;
    struct gateway_live *live;
    struct gateway gateway;
    struct http_server *server;
};

static struct rig rig;

static void ok(struct status st)
{
    if (status_failed(st)) {
        fail_msg("%s: %s", rig.op.err.code, rig.op.err.msg);
    }
}

/* Tokens are not what is tested here: the token is the caller. */
static STATUS authenticate(struct op *op, void *deps, const struct http_request *req,
                           const void **ret_principal)
{
    static const struct {
        const char *token;
        enum engine_actor_kind kind;
        const char *account;
    } callers[] = {{"marketplace", ENGINE_ACTOR_MARKETPLACE, MARKETPLACE},
                   {"buyer", ENGINE_ACTOR_USER, BUYER},
                   {"seller", ENGINE_ACTOR_USER, SELLER},
                   {"stranger", ENGINE_ACTOR_USER, STRANGER},
                   {"staff", ENGINE_ACTOR_STAFF, STAFF}};
    struct gateway_caller *caller = arena_new(op->arena, struct gateway_caller, 1);
    (void)deps;
    for (size_t i = 0; i < ARRAY_LEN(callers) && caller; i++) {
        if (str_eq(req->token, str_of(callers[i].token)) &&
            id_parse(str_of(callers[i].account), &caller->account_id)) {
            caller->kind = callers[i].kind;
            *ret_principal = caller;
            return OK;
        }
    }
    return op_fail(op, STATUS_DENIED, "gateway.token", "as told");
}

static const struct http_stream_limits limits = {
    .per_caller_max = 3,
    .queue_max_bytes = GATEWAY_LIVE_QUEUE_BYTES,
    .behind_ms = LONG_MS,
    .heartbeat_ms = LONG_MS,
    .life_ms = 100 * LONG_MS,
    .retry_ms = 1000,
};

static void observe(struct op *op, void *deps, const struct http_seen *seen)
{
    (void)op;
    (void)deps;
    (void)seen;
}

/* ---- Rows ---- */

#define VIEW(id, state, seller, created_at_us, updated_at_us)                                     \
    "INSERT INTO escrow_view (id, version, seq, state, currency, price_minor, received_minor,"    \
    " held_minor, suspense_minor, due_seller_minor, due_buyer_minor, paid_out_minor,"             \
    " refunded_minor, payout_failed_minor, refund_failed_minor, payment_setup_failed,"            \
    " foreign_money, marketplace_id, buyer_id, seller_id, seller_account, funding_seconds,"       \
    " delivery_seconds, inspection_seconds, deadline_at_us, deadline_state, description,"         \
    " payment_ref, payment_client_secret, created_at_us, updated_at_us) VALUES ('" id             \
    "', 1, 1, " state ", 1, 500, 0, 0, 0, 0, 0, 0, 0, 0, 0, false, false, " seller                \
    ", 'acct_seller', 7200, 10800, 86400, 0, 0, 'A sword', 'pi_1', 'pi_1_secret', " created_at_us \
    ", " updated_at_us ");"
#define PARTIES "'" MARKETPLACE "', '" BUYER "', '" SELLER "'"
#define STRANGERS                                              \
    "'a0000000-0000-4000-8000-0000000000ff', '" STRANGER "', " \
    "'c0000000-0000-4000-8000-0000000000ff'"
#define REQUEST(id, key, type, account)                                                          \
    "INSERT INTO intake (id, lane, topic, key, type, payload, content, account, created_at_us,"  \
    " due_at_us, attempts, open, outcome, outcome_code, outcome_sentence, closed_at_us) VALUES " \
    "('" id "', 0, 'escrow.commands.v1', '" key "', 'holdfast.escrow.v1." type "', '\\x00',"     \
    " decode(repeat('00', 32), 'hex'), '" account "', 3000, 0, 0, true, 0, '', '', 0);"

/* Not TRUNCATE: streams may still read, in another order. */
static const char *const rows =
    "DELETE FROM escrow_view; DELETE FROM escrow_pending; DELETE FROM intake; DELETE FROM "
    "lane_change;" VIEW(DEAL, "2", PARTIES, "1000", "1000")
        VIEW(OTHER, "2", STRANGERS, "1000", "1000") VIEW(CLOSED, "6", PARTIES, "1000", "1000")
            VIEW(UNPAID, "10", PARTIES, "1000", "1000") VIEW(LATELY, "9", PARTIES, "2000",
                                                             "now_us() - 3600000000")
                REQUEST(COMMAND, DEAL, "ReleaseFunds", BUYER) REQUEST(
                    CREATION, PENDING, "CreateEscrow",
                    MARKETPLACE) "INSERT INTO escrow_pending VALUES ('" PENDING "', '" CREATION
                                 "', '" MARKETPLACE "', '" BUYER "', '" SELLER
                                 "', 1, 777, 'acct_seller', 7200, 10800, 86400, 'A shield', 3000);";

/* What a batch of lane 3 does: its changes, its row of lane_change, its hint. */
#define TELL(keys, requests)                                                                     \
    "UPDATE lane SET last_at_us = greatest(now_us(), last_at_us + 1) WHERE p = 3;"               \
    "INSERT INTO lane_change SELECT 3, last_at_us, decode(replace('" keys "', '-', ''), 'hex')," \
    " decode(replace('" requests "', '-', ''), 'hex') FROM lane WHERE p = 3;"
#define HINT "SELECT pg_notify(current_schema(), '');"
#define HOLD \
    "UPDATE escrow_view SET seq = seq + 1, state = 3, held_minor = 500 WHERE id = '" DEAL "';"

static void batch(const char *sql)
{
    testing_pg_run(database, sql);
}

/* ---- The rig ---- */

static void open_rig(int64_t blind_ms)
{
    rig = (struct rig){.pg = NULL};
    arena_init(&rig.arena, (size_t)64 * 1024 * 1024);
    rig.op = (struct op){.arena = &rig.arena, .correlation_id = STR("test")};
    testing_pg_run(database, rows);
    const struct pg_options pool = {.conninfo = testing_pg_url(database),
                                    .application_name = STR("gateway_live_test"),
                                    .stmts = gateway_repo_stmts,
                                    .stmt_count = gateway_repo_stmt_count,
                                    .connections_max = 2};
    ok(pg_open(&rig.op, &pool, &rig.pg));
    const struct gateway_live_options live = {.database_url = testing_pg_url(database),
                                              .channel = testing_pg_schema(database),
                                              .limits = &limits,
                                              .net_ms = NET_MS,
                                              .blind_ms = blind_ms};
    ok(gateway_live_open(&rig.op, &live, &rig.live));
    rig.gateway = (struct gateway){.pg = rig.pg, .live = rig.live};
    const struct http_options options = {.host = STR("127.0.0.1"),
                                         .routes = gateway_routes,
                                         .route_count = gateway_route_count,
                                         .deps = &rig.gateway,
                                         .authenticate = authenticate,
                                         .observe = observe,
                                         .connections_max = 32};
    ok(http_server_open(&rig.op, &options, &rig.server));
}

static int setup(void **state)
{
    (void)state;
    open_rig(/* blind_ms: as usual */ 0);
    return 0;
}

static int setup_soon_blind(void **state)
{
    (void)state;
    open_rig(BLIND_MS);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_server_stop(rig.server, 1000);
    gateway_live_close(rig.live);
    pg_free(rig.pg);
    arena_fini(&rig.arena);
    return 0;
}

/* ---- A client ---- */

struct client {
    int fd;
    char *says; /* all that came, NUL-terminated */
    size_t len;
    size_t read; /* by next() */
};

static struct client ask(const char *token, const char *query)
{
    struct client client = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(http_server_port(rig.server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const void *any = &to;
    char request[512];
    int len = snprintf(request, sizeof(request),
                       "GET /v1/events%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n",
                       query, token);
    assert_true(len > 0);
    assert_int_equal(connect(client.fd, any, sizeof(to)), 0);
    assert_int_equal(send(client.fd, request, (size_t)len, MSG_NOSIGNAL), len);
    client.says = arena_alloc(&rig.arena, SAYS_MAX_BYTES, 1);
    assert_non_null(client.says);
    return client;
}

/* More of it; false when the other side has closed. */
static bool hear(struct client *client)
{
    struct pollfd ready = {.fd = client->fd, .events = POLLIN};
    if (poll(&ready, 1, WAIT_MS) != 1) {
        fail_msg("nothing came; so far: %s", client->says);
    }
    ssize_t got = recv(client->fd, client->says + client->len, SAYS_MAX_BYTES - 1 - client->len, 0);
    client->len += got > 0 ? (size_t)got : 0;
    client->says[client->len] = '\0';
    return got > 0;
}

/* Waits for text that has not been waited for yet. */
static void expect(struct client *client, const char *text)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;
    while (clock_mono_ms() < until_ms) {
        const char *found = strstr(client->says + client->read, text);
        if (found) {
            client->read = (size_t)(found - client->says) + strlen(text);
            return;
        }
        if (!hear(client)) {
            break;
        }
    }
    fail_msg("no %s in: %s", text, client->says + client->read);
}

static bool said(const struct client *client, const char *text)
{
    return strstr(client->says, text) != NULL;
}

static void hang_up(struct client *client)
{
    (void)close(client->fd);
}

/* A client that has its snapshot. */
static struct client follow(const char *token, const char *query)
{
    struct client client = ask(token, query);
    expect(&client, "event: snapshot\ndata: ");
    expect(&client, "\n\n");
    return client;
}

/* ---- The tests ---- */

static void a_stream_begins_with_what_is_open(void **state)
{
    (void)state;
    struct client buyer = follow("buyer", "");
    assert_true(said(&buyer, "HTTP/1.1 200 "));
    assert_true(said(&buyer, "Content-Type: text/event-stream\r\n"));
    assert_true(said(&buyer, "retry: 1000\n\n"));
    assert_true(said(&buyer, "\"caller\":{\"kind\":\"user\",\"id\":\"" BUYER "\"}"));
    assert_true(said(&buyer, "\"id\":\"" DEAL "\",\"state\":\"AWAIT_FUNDS\""));
    assert_true(said(&buyer, "\"id\":\"" LATELY "\",\"state\":\"CANCELLED\""));
    assert_false(said(&buyer, CLOSED));
    assert_false(said(&buyer, UNPAID));
    assert_true(said(&buyer, "\"command_id\":\"" COMMAND "\""));
    assert_true(said(&buyer, "\"status\":\"pending\""));
    assert_true(said(&buyer, "\"more\":false"));
    assert_true(said(&buyer, "pi_1_secret")); /* the buyer's, and only the buyer's */
    struct client seller = follow("seller", "");
    assert_true(said(&seller, "\"id\":\"" DEAL "\""));
    assert_false(said(&seller, "pi_1_secret"));
    assert_false(said(&seller, COMMAND));
    hang_up(&buyer);
    hang_up(&seller);
}

/* INV36 */
static void a_stranger_sees_nothing(void **state)
{
    (void)state;
    struct client buyer = follow("buyer", "");
    struct client stranger = follow("stranger", "");
    struct client refused = ask("stranger", "?escrow_id=" DEAL);
    expect(&refused, "HTTP/1.1 404 ");
    expect(&refused, "escrow.unknown");
    batch("BEGIN;" HOLD TELL(DEAL, COMMAND) HINT "COMMIT");
    expect(&buyer, "event: deal\ndata: ");
    expect(&buyer, "\"state\":\"FUNDS_HELD\"");
    batch("BEGIN; UPDATE escrow_view SET seq = 2, state = 3 WHERE id = '" OTHER "';" TELL(OTHER, "")
              HINT "COMMIT"); /* something that is the stranger's, to wait for */
    expect(&stranger, "event: deal\ndata: {\"id\":\"" OTHER "\"");
    assert_false(said(&stranger, DEAL));
    assert_false(said(&stranger, COMMAND));
    assert_false(said(&stranger, BUYER));
    assert_false(said(&buyer, OTHER));
    hang_up(&buyer);
    hang_up(&stranger);
    hang_up(&refused);
}

static void commands_are_settled(void **state)
{
    (void)state;
    struct client buyer = follow("buyer", "");
    struct client seller = follow("seller", "");
    batch("BEGIN;" HOLD "UPDATE intake SET open = false, outcome = 1, closed_at_us = 4000"
          " WHERE id = '" COMMAND "';" TELL(DEAL, COMMAND) HINT "COMMIT");
    expect(&buyer, "event: deal\n"); /* first what was done, then that it is done */
    expect(&buyer, "event: command\ndata: {\"command_id\":\"" COMMAND "\"");
    expect(&buyer, "\"status\":\"accepted\"");
    expect(&seller, "event: deal\n");
    batch("BEGIN;" HOLD TELL(DEAL, "") HINT "COMMIT");
    expect(&seller, "event: deal\n");
    assert_false(said(&seller, COMMAND)); /* it is the buyer's */
    hang_up(&buyer);
    hang_up(&seller);
}

static void a_refused_creation_is_told(void **state)
{
    (void)state;
    struct client marketplace = follow("marketplace", "");
    assert_true(said(&marketplace, CREATION));
    struct client seller = follow("seller", "?escrow_id=" PENDING);
    assert_true(said(&seller, "\"state\":\"PENDING\""));
    struct client other = follow("seller", "?escrow_id=" DEAL);
    batch("BEGIN; UPDATE intake SET open = false, outcome = 2, outcome_code = 'escrow.bad_price',"
          " outcome_sentence = 'Too much.', closed_at_us = 4000;" TELL("", CREATION COMMAND) HINT
          "COMMIT"); /* of COMMAND too, whose deal is there all the same */
    expect(&marketplace, "event: deal\ndata: {\"id\":\"" PENDING "\",\"state\":\"REJECTED\"");
    expect(&marketplace, "event: command\ndata: {\"command_id\":\"" CREATION "\"");
    expect(&marketplace, "\"code\":\"escrow.bad_price\"");
    expect(&seller, "\"state\":\"REJECTED\"");
    batch("BEGIN;" HOLD TELL(DEAL, "") HINT "COMMIT");
    expect(&other, "event: deal\ndata: {\"id\":\"" DEAL "\",\"state\":\"FUNDS_HELD\"");
    assert_false(said(&other, "REJECTED"));
    assert_false(said(&other, PENDING)); /* a stream about one deal tells of no other */
    hang_up(&marketplace);
    hang_up(&seller);
    hang_up(&other);
}

static void staff_name_the_deal(void **state)
{
    (void)state;
    struct client all = ask("staff", "");
    expect(&all, "HTTP/1.1 400 ");
    expect(&all, "gateway.events_of_all");
    struct client staff = follow("staff", "?escrow_id=" OTHER);
    assert_true(said(&staff, OTHER));
    batch("BEGIN;" HOLD TELL(DEAL, "") HINT "COMMIT");
    batch("BEGIN; UPDATE escrow_view SET seq = 2, state = 3 WHERE id = '" OTHER "';" TELL(OTHER, "")
              HINT "COMMIT");
    expect(&staff, "event: deal\ndata: {\"id\":\"" OTHER "\"");
    assert_false(said(&staff, DEAL));
    static const char *const nowhere[] = {"?escrow_id=e0000000-0000-4000-8000-0000000000ff",
                                          "?escrow_id=", "?escrow_id=x"};
    for (size_t i = 0; i < ARRAY_LEN(nowhere); i++) {
        struct client client = ask("staff", nowhere[i]);
        expect(&client, "HTTP/1.1 404 ");
        hang_up(&client);
    }
    hang_up(&all);
    hang_up(&staff);
}

/* The hint may get lost: the next look finds it anyway. */
static void a_lost_hint_costs_time_only(void **state)
{
    (void)state;
    struct client buyer = follow("buyer", "");
    batch("BEGIN;" HOLD TELL(DEAL, "") "COMMIT");
    expect(&buyer, "FUNDS_HELD");
    hang_up(&buyer);
}

/* Many changes of many lanes: each is told, more than one look can hold. */
static void nothing_is_left_out(void **state)
{
    (void)state;
    struct client buyer = follow("buyer", "");
    batch("DO $$ BEGIN FOR i IN 1..100 LOOP"
          " UPDATE escrow_view SET seq = seq + 1, held_minor = i WHERE id = '" DEAL "';"
          " INSERT INTO lane_change SELECT i % 12, now_us() + i, decode(replace('" DEAL
          "', '-', ''), 'hex'), '' ; END LOOP; END $$;" HINT);
    expect(&buyer, "\"held_minor\":100,");
    batch("UPDATE escrow_view SET seq = seq + 1, held_minor = 777 WHERE id = '" DEAL
          "'; INSERT INTO lane_change SELECT 11, now_us() + 1000000, decode(replace('" DEAL
          "', '-', ''), 'hex'), '';" HINT);
    expect(&buyer, "\"held_minor\":777,");
    hang_up(&buyer);
}

/* A new stream does not wait until everything that changes has been read: its snapshot comes first (of a look that may
 * have begun before the change), and then what changed is told, though the snapshot may hold it already. Of so many changes
 * only the last is about a deal. */
static void a_snapshot_comes_while_much_changes(void **state)
{
    (void)state;
    struct client buyer = follow("buyer", "");
    batch("BEGIN;" HOLD "INSERT INTO lane_change SELECT i % 12,"
          " (SELECT max(last_at_us) FROM lane) + i,"
          " CASE i WHEN 30000 THEN decode(replace('" DEAL "', '-', ''), 'hex') ELSE '' END, ''"
          " FROM generate_series(1, 30000) AS i;" HINT "COMMIT");
    struct client seller = follow("seller", "");
    expect(&seller, "event: deal\ndata: {\"id\":\"" DEAL "\",\"state\":\"FUNDS_HELD\"");
    expect(&buyer, "event: deal\ndata: {\"id\":\"" DEAL "\",\"state\":\"FUNDS_HELD\"");
    hang_up(&buyer);
    hang_up(&seller);
}

/* The connection that listens is lost: what changed meanwhile is told, and nothing twice. */
static void a_lost_connection_loses_nothing(void **state)
{
    (void)state;
    struct client buyer = follow("buyer", "");
    batch("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
          " WHERE application_name = 'gateway-live'");
    batch("BEGIN;" HOLD TELL(DEAL, "") HINT "COMMIT");
    expect(&buyer, "FUNDS_HELD");
    assert_false(strstr(buyer.says + buyer.read, "event: snapshot"));
    hang_up(&buyer);
}

/* Who cannot be told of changes any more must not believe that there are none. */
static void blind_streams_end(void **state)
{
    (void)state;
    struct client buyer = follow("buyer", "");
    batch("ALTER TABLE lane_change RENAME TO gone");
    batch(HINT);
    expect(&buyer, "\r\n0\r\n\r\n"); /* in order: the client comes back and hears what is wrong */
    batch("ALTER TABLE gone RENAME TO lane_change");
    hang_up(&buyer);
}

/* A process that stood still, here because a look took so long, may find that changes were forgotten. */
static void a_reader_that_stood_still_ends_its_streams(void **state)
{
    (void)state;
    struct client buyer = follow("buyer", "");
    batch("BEGIN; LOCK TABLE lane_change;" HOLD TELL(DEAL, "") "SELECT pg_sleep(1.8);"
                                                               "DELETE FROM lane_change; COMMIT");
    expect(&buyer, "\r\n0\r\n\r\n");
    struct client again = follow("buyer", "");
    assert_true(said(&again, "\"id\":\"" DEAL "\",\"state\":\"FUNDS_HELD\""));
    hang_up(&buyer);
    hang_up(&again);
}

static void one_caller_has_so_many(void **state)
{
    (void)state;
    struct client clients[3];
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        clients[i] = follow("buyer", "");
    }
    struct client refused = ask("buyer", "");
    expect(&refused, "HTTP/1.1 429 ");
    expect(&refused, "http.streams_of_caller");
    struct client seller = follow("seller", "");
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        hang_up(&clients[i]);
    }
    hang_up(&refused);
    hang_up(&seller);
}

/* More clients at once than one look gives a snapshot. */
static void all_get_their_snapshot(void **state)
{
    (void)state;
    static const char *const tokens[] = {"buyer", "seller", "marketplace", "stranger"};
    struct client clients[12];
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        clients[i] = ask(tokens[i % ARRAY_LEN(tokens)], "");
    }
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        expect(&clients[i], "event: snapshot\n");
        hang_up(&clients[i]);
    }
}

/* So many younger ones of the same parties. */
#define COPIES(id, count)                                                                     \
    "INSERT INTO escrow_view SELECT gen_random_uuid(), version, seq, state, currency, "       \
    "price_minor,"                                                                            \
    " received_minor, held_minor, suspense_minor, due_seller_minor, due_buyer_minor,"         \
    " paid_out_minor, refunded_minor, payout_failed_minor, refund_failed_minor,"              \
    " payment_setup_failed, foreign_money, marketplace_id, buyer_id, seller_id,"              \
    " seller_account, funding_seconds, delivery_seconds, inspection_seconds, deadline_at_us," \
    " deadline_state, description, payment_ref, payment_client_secret,"                       \
    " created_at_us + i, updated_at_us FROM escrow_view, generate_series(1, " count ") AS i"  \
    " WHERE id = '" id "'"

static void a_snapshot_has_bounds(void **state)
{
    (void)state;
    batch(COPIES(DEAL, "120"));
    struct client buyer = follow("buyer", "");
    uint32_t count = 0;
    for (const char *at = strstr(buyer.says, "\"state\":"); at; at = strstr(at + 1, "\"state\":")) {
        count++;
    }
    assert_int_equal(count, 100);
    assert_true(said(&buyer, "\"more\":true"));
    hang_up(&buyer);
}

/* An open deal may be older than all that are looked at. */
static void a_snapshot_tells_that_it_did_not_look_at_all(void **state)
{
    static const char *const parties[] = {"buyer", "seller", "marketplace"};
    (void)state;
    batch("DELETE FROM escrow_view WHERE id = '" LATELY "'");
    batch(COPIES(CLOSED, "497")); /* with DEAL, CLOSED and UNPAID as many as are looked at */
    for (size_t i = 0; i < ARRAY_LEN(parties); i++) {
        struct client client = follow(parties[i], "");
        assert_true(said(&client, DEAL));
        assert_true(said(&client, "\"more\":false"));
        hang_up(&client);
    }
    batch("UPDATE escrow_view SET created_at_us = 1 WHERE id = '" DEAL "';" COPIES(CLOSED, "1"));
    for (size_t i = 0; i < ARRAY_LEN(parties); i++) {
        struct client client = follow(parties[i], "");
        assert_false(said(&client, "AWAIT_FUNDS"));
        assert_true(said(&client, "\"more\":true"));
        hang_up(&client);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_SOON_BLIND(name) cmocka_unit_test_setup_teardown(name, setup_soon_blind, teardown)

int main(void)
{
    DEFER(testing_pg_free_at) struct testing_pg *testing = testing_pg_new("gateway");
    if (!testing) {
        return TESTING_SKIPPED;
    }
    database = testing;
    const struct CMUnitTest tests[] = {
        TEST(a_stream_begins_with_what_is_open),
        TEST(a_stranger_sees_nothing),
        TEST(commands_are_settled),
        TEST(a_refused_creation_is_told),
        TEST(staff_name_the_deal),
        TEST(a_lost_hint_costs_time_only),
        TEST(nothing_is_left_out),
        TEST(a_snapshot_comes_while_much_changes),
        TEST(a_lost_connection_loses_nothing),
        TEST_SOON_BLIND(blind_streams_end),
        TEST_SOON_BLIND(a_reader_that_stood_still_ends_its_streams),
        TEST(one_caller_has_so_many),
        TEST(all_get_their_snapshot),
        TEST(a_snapshot_has_bounds),
        TEST(a_snapshot_tells_that_it_did_not_look_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
