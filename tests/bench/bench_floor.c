#include "bench_floor.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "bench_report.h"
#include "pg/pg.h"
#include "pg/pg_conn.h"
#include "testing/testing_pg.h"

#define ARENA_BYTES ((size_t)4 * 1024 * 1024)
#define SQL_BYTES 1024
#define SCRIPT_MAX_BYTES ((size_t)64 * 1024)
#define PARTS_MAX 4

struct bench_floor {
    struct testing_pg *pg;
    int64_t since;                      /* the transaction of the mark */
    struct player *steppers[PARTS_MAX]; /* of bench_floor_step */
};

/* One connection that plays a part. */
struct player {
    struct arena arena;
    struct op op;
    struct pg_conn *conn;
    char sql[SQL_BYTES];
    struct pg_stmt stmt;
    int64_t steps;
    pthread_t thread;
};

static void run_script(struct testing_pg *pg, const char *path)
{
    char *text = calloc(1, SCRIPT_MAX_BYTES);
    FILE *file = fopen(path, "re");
    ASSERT(text && file);
    size_t len = fread(text, 1, SCRIPT_MAX_BYTES - 1, file);
    ASSERT(len > 0 && len < SCRIPT_MAX_BYTES - 1);
    int failed = fclose(file);
    ASSERT(failed == 0);
    testing_pg_run(pg, text);
    free(text);
}

struct bench_floor *bench_floor_new(void)
{
    struct bench_floor *floor = calloc(1, sizeof(*floor));
    ASSERT(floor);
    floor->pg = testing_pg_new(NULL);
    if (!floor->pg) {
        bench_end("HOLDFAST_TEST_DATABASE_URL is not set");
    }
    run_script(floor->pg, FLOOR_SQL);
    return floor;
}

static void free_player(struct player *player)
{
    if (player) {
        pg_conn_free(player->conn);
        arena_fini(&player->arena);
        free(player);
    }
}

void bench_floor_free(struct bench_floor *floor)
{
    for (uint32_t i = 0; i < PARTS_MAX; i++) {
        free_player(floor->steppers[i]);
    }
    testing_pg_free(floor->pg);
    free(floor);
}

void bench_floor_mark(struct bench_floor *floor)
{
    floor->since = testing_pg_number(floor->pg, "pg_current_xact_id()::text");
}

int64_t bench_floor_take(struct bench_floor *floor, const struct bench_floor_part *part,
                         int64_t steps)
{
    char sql[SQL_BYTES];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT floor_take('%s', '%s', '%s', %" PRId64 ", %" PRId64 ")", part->name,
                   part->service, part->tables, floor->since, steps);
    int64_t made = testing_pg_number(floor->pg, sql);
    testing_pg_run(floor->pg, "CHECKPOINT"); /* all rounds begin alike */
    return made;
}

static struct player *new_player(struct bench_floor *floor, const struct bench_floor_part *part,
                                 int64_t steps)
{
    static const enum pg_type types[] = {PG_TYPE_INT8};
    struct player *player = calloc(1, sizeof(*player));
    ASSERT(player);
    arena_init(&player->arena, ARENA_BYTES);
    player->op = (struct op){.arena = &player->arena, .correlation_id = STR("bench")};
    player->steps = steps;
    (void)snprintf(player->sql, sizeof(player->sql), "SELECT floor_%s($1) AS step", part->name);
    player->stmt = (struct pg_stmt){.name = part->name,
                                    .sql = player->sql,
                                    .param_types = types,
                                    .param_count = 1,
                                    .returns = PG_RETURNS_ONE};
    const struct pg_conn_options options = {.conninfo = testing_pg_url(floor->pg),
                                            .application_name = STR("floor"),
                                            .use = PG_USE_ADMIN};
    bench_must(&player->op, pg_conn_new(&player->op, &options, &player->conn), "floor");
    bench_must(&player->op, pg_conn_connect(&player->op, player->conn), "floor");
    return player;
}

static void play_step(struct player *player, int64_t step)
{
    struct pg_rows *rows = NULL;
    const struct pg_param params[] = {PG_I64(step)};
    arena_reset(&player->arena);
    bench_must(&player->op, pg_query(&player->op, player->conn, &player->stmt, params, 1, &rows),
               "floor");
    pg_rows_free(rows);
}

static void *play(void *arg)
{
    struct player *player = arg;
    for (int64_t step = 0; step < player->steps; step++) {
        play_step(player, step);
    }
    return NULL;
}

void bench_floor_step(struct bench_floor *floor, const struct bench_floor_part *part, int64_t step)
{
    uint32_t i = 0;
    while (i < PARTS_MAX && floor->steppers[i] && floor->steppers[i]->stmt.name != part->name) {
        i++;
    }
    ASSERT(i < PARTS_MAX);
    if (!floor->steppers[i]) {
        floor->steppers[i] = new_player(floor, part, 0);
    }
    play_step(floor->steppers[i], step);
}

int64_t bench_floor_play(struct bench_floor *floor, const struct bench_floor_part *parts,
                         uint32_t part_count)
{
    struct player *players[PARTS_MAX];
    ASSERT(part_count <= PARTS_MAX);
    for (uint32_t i = 0; i < part_count; i++) {
        players[i] = new_player(floor, &parts[i], bench_floor_take(floor, &parts[i], 0));
    }
    int64_t began_us = clock_mono_us();
    for (uint32_t i = 0; i < part_count; i++) {
        int failed = pthread_create(&players[i]->thread, NULL, play, players[i]);
        ASSERT(failed == 0);
    }
    for (uint32_t i = 0; i < part_count; i++) {
        int failed = pthread_join(players[i]->thread, NULL);
        ASSERT(failed == 0);
    }
    int64_t took_us = clock_mono_us() - began_us;
    for (uint32_t i = 0; i < part_count; i++) {
        free_player(players[i]);
    }
    return took_us;
}
