#include "engine/testing/intake_test_gate.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "pg/pg.h"
#include "testing/testing_pg.h"

#define KEY "hashtext(current_schema())"

struct gate {
    struct arena arena;
    struct op op;
    struct pg_conn *conn;
};

static void must(const struct gate *gate, struct status st)
{
    if (status_failed(st)) {
        int len = fprintf(stderr, "%s %s\n", gate->op.err.code, gate->op.err.msg);
        ASSERT(len > 0);
    }
    ASSERT(!status_failed(st));
}

void gate_make(struct testing_pg *testing)
{
    testing_pg_run(testing, "CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql"
                            " SET lock_timeout = 0 AS 'BEGIN"
                            " PERFORM pg_advisory_xact_lock_shared(" KEY "); RETURN NULL; END'");
    testing_pg_run(testing, "CREATE TRIGGER gate BEFORE INSERT ON intake FOR EACH STATEMENT"
                            " EXECUTE FUNCTION gate()");
}

struct gate *gate_new(struct testing_pg *testing)
{
    struct gate *gate = calloc(1, sizeof(*gate));
    ASSERT(gate);
    arena_init(&gate->arena, (size_t)64 * 1024);
    gate->op = (struct op){.arena = &gate->arena, .correlation_id = STR("gate")};
    struct pg_conn_options options = {
        .conninfo = testing_pg_url(testing), .application_name = STR("gate"), .use = PG_USE_ADMIN};
    must(gate, pg_conn_new(&gate->op, &options, &gate->conn));
    must(gate, pg_conn_connect(&gate->op, gate->conn));
    return gate;
}

void gate_free(struct gate *gate)
{
    pg_conn_free(gate->conn);
    arena_fini(&gate->arena);
    free(gate);
}

void gate_shut(struct gate *gate)
{
    static const struct pg_stmt stmt = {
        .name = "shut", .sql = "DO 'BEGIN PERFORM pg_advisory_xact_lock(" KEY "); END'"};
    must(gate, pg_begin(&gate->op, gate->conn));
    must(gate, pg_exec(&gate->op, gate->conn, &stmt, NULL, 0, NULL));
}

void gate_open(struct gate *gate)
{
    must(gate, pg_commit(&gate->op, gate->conn));
}
