#pragma once

#include "gateway/gateway_http.h"
#include "testing/testing_pg.h"

/*
 * The gateway's handlers over a real PostgreSQL, for tests. The intake is the test's own: it says what it
 * is told to say and remembers what it was given. Everything asserts.
 */

struct fixture {
    struct arena arena;
    struct op op;
    struct gateway gateway;
    struct gateway_caller caller; /* who asks */
    struct http_request req; /* fixture_call fills in the rest; query and headers are the test's */
    struct http_response ret;
    enum intake_result result; /* what the intake says; INTAKE_STORED at first */
    struct status submit_status;
    uint32_t submitted; /* requests that the intake was given, and the last of them */
    struct intake_request last;
};

extern struct fixture fixture;

/* A database with these rows, for the whole program. false: there is none here (TESTING_SKIPPED). */
bool fixture_open(const char *rows);
void fixture_close(bool *opened);
/* More rows, by SQL. */
void fixture_run(const char *sql);
/* The whole number that an SQL expression gives. */
int64_t fixture_number(const char *sql);
/* Of each test. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

struct id fixture_id(const char *text);
/* From now on this one asks. */
void fixture_as(enum engine_actor_kind kind, const char *account);
const struct http_route *fixture_route(enum http_method method, const char *path);
/* Runs the route's handler; id: its parameter, or NULL. The answer is in fixture.ret and op.err. */
struct status fixture_call(enum http_method method, const char *path, const char *id,
                           struct str body);
