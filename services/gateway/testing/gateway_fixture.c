#include "gateway/testing/gateway_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/gateway_repo.h"

struct fixture fixture;

static struct testing_pg *database;

bool fixture_open(const char *rows)
{
    database = testing_pg_new("gateway");
    if (database) {
        testing_pg_run(database, rows);
    }
    return database != NULL;
}

void fixture_close(bool *opened)
{
    (void)opened;
    testing_pg_free(database);
}

void fixture_run(const char *sql)
{
    testing_pg_run(database, sql);
}

int64_t fixture_number(const char *sql)
{
    return testing_pg_number(database, sql);
}

struct id fixture_id(const char *text)
{
    struct id id = {.bytes = {0}};
    assert_true(id_parse(str_of(text), &id));
    return id;
}

static struct status fake_submit(struct op *op, void *ctx, const struct intake_request *request,
                                 enum intake_result *ret_result)
{
    struct fixture *self = ctx;
    self->submitted++;
    self->last = *request;
    if (status_failed(self->submit_status)) {
        return op_fail(op, self->submit_status.kind, "intake.full", "as told");
    }
    *ret_result = self->result;
    return OK;
}

int fixture_setup(void **state)
{
    fixture = (struct fixture){.result = INTAKE_STORED};
    arena_init(&fixture.arena, (size_t)64 * 1024 * 1024);
    fixture.op = (struct op){.arena = &fixture.arena,
                             .correlation_id = STR("c0000000-0000-4000-8000-00000000000c")};
    const struct pg_options options = {.conninfo = testing_pg_url(database),
                                       .application_name = STR("gateway_test"),
                                       .stmts = gateway_repo_stmts,
                                       .stmt_count = gateway_repo_stmt_count,
                                       .connections_max = 2};
    assert_int_equal(pg_open(&fixture.op, &options, &fixture.gateway.pg).kind, STATUS_OK);
    fixture.gateway.submit = fake_submit;
    fixture.gateway.submit_ctx = &fixture;
    *state = &fixture;
    return 0;
}

int fixture_teardown(void **state)
{
    (void)state;
    pg_free(fixture.gateway.pg);
    arena_fini(&fixture.arena);
    return 0;
}

void fixture_as(enum engine_actor_kind kind, const char *account)
{
    fixture.caller = (struct gateway_caller){.kind = kind, .account_id = fixture_id(account)};
}

const struct http_route *fixture_route(enum http_method method, const char *path)
{
    for (uint32_t i = 0; i < gateway_route_count; i++) {
        if (gateway_routes[i].method == method && strcmp(gateway_routes[i].path, path) == 0) {
            return &gateway_routes[i];
        }
    }
    fail_msg("no route %s", path);
    return NULL;
}

struct status fixture_call(enum http_method method, const char *path, const char *id,
                           struct str body)
{
    const struct http_route *route = fixture_route(method, path);
    fixture.req.method = method;
    fixture.req.route = route;
    fixture.req.params[0] = id ? str_of(id) : STR("");
    fixture.req.body = body;
    fixture.req.idempotency_key = STR("key-1");
    fixture.req.principal = &fixture.caller;
    fixture.ret = (struct http_response){.status = 200};
    fixture.op.err = (struct op_err){.code = NULL};
    return route->handler(&fixture.op, &fixture.gateway, &fixture.req, &fixture.ret);
}
