/* In: migration files, the database. Out: each file applied once, in its own transaction, in order; or a
 * list of what is there and what is not. A file that changed after it was applied stops everything. */
#include <stdio.h>

#include "base/assert.h"
#include "holdfastctl/ctl_db.h"
#include "holdfastctl/ctl_migration.h"
#include "holdfastctl_sql.h"

#define DIR_MAX_BYTES 4096

enum step_state {
    STEP_NONE = 0,
    STEP_PENDING,
    STEP_APPLIED,
    STEP_UNHASHED, /* applied by dbmate: we take the file for what it was */
    STEP_CHANGED,
    STEP_UNKNOWN, /* applied, and there is no file */
    STEP_COUNT,
};

static const char *const step_names[STEP_COUNT] = {
    [STEP_PENDING] = "pending", [STEP_APPLIED] = "applied", [STEP_UNHASHED] = "applied",
    [STEP_CHANGED] = "changed", [STEP_UNKNOWN] = "unknown",
};

struct step {
    struct ctl_migration migration; /* of STEP_UNKNOWN only the version */
    enum step_state state;
};

struct plan {
    struct step *steps;
    uint32_t count;
};

/* The files of the engine, then the service's own. */
static STATUS read_files(struct op *op, const struct ctl *ctl, struct str service,
                         struct ctl_migrations *ret_migrations)
{
    struct str dir = ctl_args_given(&ctl->args, CTL_OPTION_DIR) ? ctl->args.text[CTL_OPTION_DIR]
                                                                : STR("migrations");
    const struct str folders[] = {STR("engine"), service};
    *ret_migrations = (struct ctl_migrations){.count = 0};
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        struct strbuf buf;
        struct str path;
        strbuf_init(&buf, op->arena, DIR_MAX_BYTES);
        strbuf_addf(&buf, STR_FMT "/" STR_FMT, STR_ARG(dir), STR_ARG(folders[i]));
        if (!strbuf_finish(&buf, &path)) {
            return op_fail(op, STATUS_INVALID, "ctl.usage", "--dir is too long");
        }
        TRY(ctl_migrations_read(op, path, ret_migrations));
    }
    return ret_migrations->count > 0
               ? OK
               : op_fail(op, STATUS_NOT_FOUND, "ctl.no_migrations",
                         STR_FMT " has none for " STR_FMT, STR_ARG(dir), STR_ARG(service));
}

static struct step *find_step(const struct plan *plan, struct str version)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        if (str_eq(plan->steps[i].migration.version, version)) {
            return &plan->steps[i];
        }
    }
    return NULL;
}

/* Marks a file that was applied, or adds an applied one that has no file. */
static STATUS note_applied(struct op *op, struct plan *plan, const struct pg_rows *rows,
                           uint32_t row)
{
    struct str version;
    struct str applied;
    TRY(pg_rows_text(op, rows, row, "version", &version));
    TRY(pg_rows_bytes(op, rows, row, "sha256", &applied));
    struct step *step = find_step(plan, version);
    if (!step) {
        ASSERT(plan->count < 2 * CTL_MIGRATIONS_MAX);
        plan->steps[plan->count++] = (struct step){
            .migration = {.version = version, .name = STR("")}, .state = STEP_UNKNOWN};
        return OK;
    }
    struct str file = {.ptr = (const char *)step->migration.hash.bytes, .len = HASH_BYTES};
    step->state = applied.len == 0        ? STEP_UNHASHED
                  : str_eq(applied, file) ? STEP_APPLIED
                                          : STEP_CHANGED;
    return OK;
}

/* conn NULL: nothing was ever applied. */
static STATUS make_plan(struct op *op, const struct ctl *ctl, struct str service,
                        struct pg_conn *conn, struct plan *ret_plan)
{
    struct ctl_migrations files;
    TRY(read_files(op, ctl, service, &files));
    *ret_plan =
        (struct plan){.steps = arena_new(op->arena, struct step, (size_t)2 * CTL_MIGRATIONS_MAX)};
    if (!ret_plan->steps) {
        return op_arena_full(op);
    }
    for (uint32_t i = 0; i < files.count; i++) {
        ret_plan->steps[ret_plan->count++] =
            (struct step){.migration = files.rows[i], .state = STEP_PENDING};
    }
    if (!conn) {
        return OK;
    }
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &holdfastctl_sql_migration_list, /* params */ NULL, 0, &rows));
    if (pg_rows_count(rows) > CTL_MIGRATIONS_MAX) {
        return op_fail(op, STATUS_LIMIT, "ctl.migrations_too_many", "over %d", CTL_MIGRATIONS_MAX);
    }
    for (uint32_t row = 0; row < pg_rows_count(rows); row++) {
        TRY(note_applied(op, ret_plan, rows, row));
    }
    return OK;
}

static STATUS check_plan(struct op *op, struct str service, const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct step *step = &plan->steps[i];
        if (step->state == STEP_CHANGED) {
            return op_fail(op, STATUS_STOP, "ctl.migration_changed",
                           STR_FMT "/" STR_FMT " is not the file that was applied",
                           STR_ARG(service), STR_ARG(step->migration.name));
        }
        if (step->state == STEP_UNKNOWN) {
            return op_fail(op, STATUS_STOP, "ctl.migration_unknown",
                           STR_FMT ": version " STR_FMT " was applied and has no file",
                           STR_ARG(service), STR_ARG(step->migration.version));
        }
    }
    return OK;
}

/* The session knows what migration_remember will write down. */
static STATUS name_next(struct op *op, struct pg_conn *conn, const struct ctl_migration *migration)
{
    struct strbuf buf;
    struct str hex;
    strbuf_init(&buf, op->arena, (size_t)2 * HASH_BYTES + 1);
    strbuf_add_hex(&buf, migration->hash.bytes, HASH_BYTES);
    if (!strbuf_finish(&buf, &hex)) {
        return op_arena_full(op);
    }
    const struct pg_param params[] = {PG_TEXT(migration->version), PG_TEXT(migration->name),
                                      PG_TEXT(hex)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    return pg_query(op, conn, &holdfastctl_sql_migration_name, params, ARRAY_LEN(params), &rows);
}

static STATUS remember(struct op *op, struct pg_conn *conn, const struct ctl_migration *migration)
{
    TRY(name_next(op, conn, migration));
    return pg_exec(op, conn, &holdfastctl_sql_migration_remember, /* params */ NULL, 0, NULL);
}

/* Statements sent together are one transaction: the file and the note that it was applied. */
static STATUS apply(struct op *op, struct pg_conn *conn, struct str service,
                    const struct ctl_migration *migration)
{
    struct strbuf buf;
    struct str script;
    (void)fprintf(stderr, STR_FMT "/" STR_FMT "\n", STR_ARG(service), STR_ARG(migration->name));
    TRY(name_next(op, conn, migration));
    strbuf_init(&buf, op->arena, 2 * CTL_MIGRATION_MAX_BYTES);
    strbuf_add(&buf, migration->up);
    strbuf_add(&buf, STR("\n;\n"));
    strbuf_add(&buf, str_of(holdfastctl_sql_migration_remember.sql));
    if (!strbuf_finish(&buf, &script)) {
        return op_arena_full(op);
    }
    return pg_conn_script(op, conn, script);
}

/* Waits for other migrators, a lock timeout at a time. */
static STATUS lock(struct op *op, struct pg_conn *conn)
{
    struct status st = OK;
    for (int try = 0; try < CTL_BUSY_TRIES; try++) {
        DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
        st = pg_query(op, conn, &holdfastctl_sql_migration_lock, /* params */ NULL, 0, &rows);
        if (st.kind != STATUS_RETRY || !pg_conn_is_open(conn)) {
            return st;
        }
    }
    return st;
}

static STATUS take_step(struct op *op, struct pg_conn *conn, struct str service,
                        const struct step *step, int64_t *applied)
{
    if (step->state == STEP_PENDING) {
        *applied += 1;
        return apply(op, conn, service, &step->migration);
    }
    return step->state == STEP_UNHASHED ? remember(op, conn, &step->migration) : OK;
}

static STATUS migrate_service(struct op *op, const struct ctl *ctl, struct str service,
                              int64_t *applied)
{
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    struct plan plan;
    TRY(ctl_db_open(op, ctl, service, &conn));
    TRY(lock(op, conn));
    TRY(pg_exec(op, conn, &holdfastctl_sql_prepare_schema, /* params */ NULL, 0, NULL));
    TRY(make_plan(op, ctl, service, conn, &plan));
    TRY(check_plan(op, service, &plan));
    for (uint32_t i = 0; i < plan.count; i++) {
        TRY(take_step(op, conn, service, &plan.steps[i], applied));
    }
    return pg_exec(op, conn, &holdfastctl_sql_grant_service, /* params */ NULL, 0, NULL);
}

struct status ctl_migrate_up(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {{"applied", CTL_CELL_NUMBER}};
    const struct str *services;
    uint32_t service_count;
    int64_t applied = 0;
    TRY(ctl_services(op, &services, &service_count));
    for (uint32_t i = 0; i < service_count; i++) {
        TRY(migrate_service(op, ctl, services[i], &applied));
    }
    struct ctl_table table;
    struct ctl_cell *cells;
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), 1));
    TRY(ctl_table_add(op, &table, &cells));
    cells[0].number = applied;
    ctl_out_object(&ctl->out, "migrations", &table);
    return OK;
}

/* A schema that was never migrated has no tables to ask: then *ret_conn is NULL. */
static STATUS open_migrated(struct op *op, const struct ctl *ctl, struct str service,
                            struct pg_conn **ret_conn)
{
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    bool present;
    TRY(ctl_db_open(op, ctl, service, &conn));
    TRY(pg_query(op, conn, &holdfastctl_sql_has_schema, /* params */ NULL, 0, &rows));
    TRY(pg_rows_bool(op, rows, 0, "present", &present));
    if (present) {
        *ret_conn = TAKE(conn);
    }
    return OK;
}

static STATUS add_status(struct op *op, const struct ctl *ctl, struct str service,
                         struct ctl_table *table, bool *current)
{
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    struct plan plan;
    TRY(open_migrated(op, ctl, service, &conn));
    TRY(make_plan(op, ctl, service, conn, &plan));
    for (uint32_t i = 0; i < plan.count; i++) {
        const struct step *step = &plan.steps[i];
        struct ctl_cell *cells;
        TRY(ctl_table_add(op, table, &cells));
        cells[0].text = service;
        cells[1].text = step->migration.version;
        cells[2].text = step->migration.name;
        cells[3].text = str_of(step_names[step->state]);
        *current = *current && (step->state == STEP_APPLIED || step->state == STEP_UNHASHED);
    }
    return OK;
}

struct status ctl_migrate_status(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {{"service", CTL_CELL_TEXT},
                                                {"version", CTL_CELL_TEXT},
                                                {"name", CTL_CELL_TEXT},
                                                {"state", CTL_CELL_TEXT}};
    const struct str *services;
    uint32_t service_count;
    bool current = true;
    struct ctl_table table;
    TRY(ctl_services(op, &services, &service_count));
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), CTL_ROWS_MAX));
    for (uint32_t i = 0; i < service_count; i++) {
        TRY(add_status(op, ctl, services[i], &table, &current));
    }
    ctl_out_list(&ctl->out, "migrations", /* heading */ NULL, &table);
    return current ? OK
                   : op_fail(op, STATUS_CONFLICT, "ctl.findings",
                             "the database is not at the version of the files");
}
