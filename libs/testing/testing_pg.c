/* A fresh schema in a real PostgreSQL, with the product's own migrations. */
#include "testing/testing_pg.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "pg/pg.h"
#include "testing/testing_env.h"

#define ARENA_BYTES ((size_t)64 * 1024 * 1024)
#define FILE_MAX_BYTES ((size_t)256 * 1024)
#define STMTS_PER_SESSION 200 /* each stays prepared: below the most that a connection holds */

struct testing_pg {
    struct arena arena;
    struct op op;
    struct pg_conn *conn;
    struct str url;
    struct str schema;
    uint32_t stmts;
};

static void must(const struct testing_pg *testing, struct status st)
{
    if (status_failed(st)) {
        int len = fprintf(stderr, "%s %s\n", testing->op.err.code, testing->op.err.msg);
        ASSERT(len > 0);
    }
    ASSERT(!status_failed(st));
}

static struct str printed(struct testing_pg *testing, const char *format, const char *arg)
{
    struct strbuf buf;
    strbuf_init(&buf, &testing->arena, FILE_MAX_BYTES);
    const char *rest = strstr(format, "%s");
    ASSERT(rest);
    strbuf_add(&buf, (struct str){.ptr = format, .len = (size_t)(rest - format)});
    strbuf_add(&buf, str_of(arg));
    strbuf_add(&buf, str_of(rest + 2));
    struct str text;
    bool fits = strbuf_finish(&buf, &text);
    ASSERT(fits);
    return text;
}

/* The part of a dbmate file that goes forward. */
static void apply_file(struct testing_pg *testing, const char *dir, const char *name)
{
    struct strbuf path;
    strbuf_init(&path, &testing->arena, 4096);
    strbuf_addf(&path, "%s/%s", dir, name);
    struct str full;
    bool fits = strbuf_finish(&path, &full);
    ASSERT(fits);
    FILE *file = fopen(full.ptr, "r");
    ASSERT(file);
    char *text = arena_alloc(&testing->arena, FILE_MAX_BYTES, 1);
    ASSERT(text);
    size_t len = fread(text, 1, FILE_MAX_BYTES - 1, file);
    int failed = fclose(file);
    ASSERT(failed == 0);
    ASSERT(len > 0);
    const char *up = strstr(text, "-- migrate:up");
    ASSERT(up);
    char *down = strstr(text, "-- migrate:down");
    if (down) {
        *down = '\0';
    }
    must(testing, pg_conn_script(&testing->op, testing->conn, str_of(up)));
}

static int is_sql(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && strcmp(dot, ".sql") == 0;
}

static void apply_dir(struct testing_pg *testing, const char *service)
{
    struct str dir = printed(testing, MIGRATIONS_DIR "/%s", service);
    struct dirent **entries = NULL;
    int count = scandir(dir.ptr, &entries, is_sql, alphasort);
    ASSERT(count > 0);
    for (int i = 0; i < count; i++) {
        apply_file(testing, dir.ptr, entries[i]->d_name);
        free(entries[i]); /* scandir's memory */
    }
    free(entries);
}

struct testing_pg *testing_pg_new(const char *service)
{
    struct str url = testing_env("HOLDFAST_TEST_DATABASE_URL");
    if (url.len == 0) {
        int len = fprintf(stderr, "skipped: HOLDFAST_TEST_DATABASE_URL is not set\n");
        ASSERT(len > 0);
        return NULL;
    }
    struct testing_pg *testing = calloc(1, sizeof(*testing));
    ASSERT(testing);
    arena_init(&testing->arena, ARENA_BYTES);
    testing->op = (struct op){.arena = &testing->arena, .correlation_id = STR("testing")};

    char id[ID_TEXT_BYTES];
    id_format(id_random(), id);
    for (char *c = id; *c; c++) {
        *c = *c == '-' ? '_' : *c;
    }
    testing->schema = printed(testing, "test_%s", id);
    struct str option = printed(testing, "-c search_path=%s", testing->schema.ptr);
    must(testing, pg_conninfo_with(&testing->op, url, option, &testing->url));
    struct pg_conn_options options = {
        .conninfo = testing->url, .application_name = STR("testing"), .use = PG_USE_ADMIN};
    must(testing, pg_conn_new(&testing->op, &options, &testing->conn));
    must(testing, pg_conn_connect(&testing->op, testing->conn));
    testing_pg_run(testing, printed(testing, "CREATE SCHEMA %s", testing->schema.ptr).ptr);
    apply_dir(testing, "engine");
    if (service) {
        apply_dir(testing, service);
    }
    return testing;
}

void testing_pg_free(struct testing_pg *testing)
{
    if (!testing) {
        return;
    }
    must(testing, pg_conn_connect(&testing->op, testing->conn));
    testing_pg_run(testing, "SET client_min_messages = warning");
    testing_pg_run(testing, printed(testing, "DROP SCHEMA %s CASCADE", testing->schema.ptr).ptr);
    pg_conn_free(testing->conn);
    arena_fini(&testing->arena);
    free(testing);
}

struct str testing_pg_url(const struct testing_pg *testing)
{
    return testing->url;
}

struct str testing_pg_schema(const struct testing_pg *testing)
{
    return testing->schema;
}

void testing_pg_run(struct testing_pg *testing, const char *sql)
{
    must(testing, pg_conn_script(&testing->op, testing->conn, str_of(sql)));
}

int64_t testing_pg_number(struct testing_pg *testing, const char *sql)
{
    if (testing->stmts++ % STMTS_PER_SESSION == STMTS_PER_SESSION - 1) {
        must(testing, pg_conn_connect(&testing->op, testing->conn));
    }
    /* A new address each time: a connection knows its statements by their address. */
    struct pg_stmt *stmt = arena_new(&testing->arena, struct pg_stmt, 1);
    ASSERT(stmt);
    struct str text = printed(testing, "SELECT (%s)::bigint AS number", sql);
    *stmt = (struct pg_stmt){.name = "testing", .sql = text.ptr, .returns = PG_RETURNS_ONE};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    must(testing, pg_query(&testing->op, testing->conn, stmt, NULL, 0, &rows));
    int64_t number = 0;
    must(testing, pg_rows_i64(&testing->op, rows, 0, "number", &number));
    return number;
}
