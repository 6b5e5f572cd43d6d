/* The vectors of the store: connections a to d, owners A to D, and three tables of their own. */
#include <ctype.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "vectors_rows.h"
#include "world_internal.h"

#define CONNECTIONS 4
#define OWNERS 4
#define OWNER_ID 900 /* of A; no row of a vector has a number so high */
#define OUTPUTS_MAX 8

/* ---- A vector's connections ---- */

struct connection {
    struct store *store; /* NULL: not used yet */
    struct store_view view;
    int64_t epochs[LANES];
    struct store_fence fence;
    bool fenced;          /* the next sync prints the fence */
    struct status failed; /* of a queued call: what the sync would have said */
    struct vectors_rows outputs[OUTPUTS_MAX];
    uint32_t output_count;
    struct arena arena; /* rows are borrowed until the next sync */
};

struct state {
    struct connection connections[CONNECTIONS];
    int64_t mark_us; /* a fence's time, to be compared with */
};

static struct connection *connection_of(struct vectors *run, struct state *state)
{
    struct str who = run->line->words[0];
    if (who.len != 1 || who.ptr[0] < 'a' || who.ptr[0] >= 'a' + CONNECTIONS) {
        vectors_bad(run, "no such connection");
    }
    struct connection *connection = &state->connections[who.ptr[0] - 'a'];
    if (!connection->store) {
        connection->store = run->world->ops->new_store(run->world);
        arena_init(&connection->arena, (size_t)16 * 1024 * 1024);
        world_must(run->world, connection->store->ops->connect(&run->world->op, connection->store));
    }
    return connection;
}

static struct id owner_of(const struct vectors *run, struct str word)
{
    if (word.len != 1 || word.ptr[0] < 'A' || word.ptr[0] >= 'A' + OWNERS) {
        vectors_bad(run, "no such owner");
    }
    return vectors_id(run, OWNER_ID + word.ptr[0] - 'A');
}

static int32_t lane_of(const struct vectors *run, uint32_t word)
{
    int64_t lane = vectors_number(run, run->line->words[word]);
    if (lane < 0 || lane >= LANES) {
        vectors_bad(run, "no such lane");
    }
    return (int32_t)lane;
}

/* ---- Verbs ---- */

typedef void verb(struct vectors *run, struct state *state, struct connection *my);

static struct op *op_of(const struct vectors *run)
{
    return &run->world->op;
}

static void do_connect(struct vectors *run, struct state *state, struct connection *my)
{
    (void)state;
    my->failed = OK;
    my->output_count = 0;
    my->fenced = false;
    vectors_say_status(run, my->store->ops->connect(op_of(run), my->store));
}

static void do_close(struct vectors *run, struct state *state, struct connection *my)
{
    (void)state;
    my->store->ops->close(my->store);
    arena_fini(&my->arena);
    *my = (struct connection){.store = NULL};
    strbuf_add(run->said, STR("ok"));
}

static void do_beat(struct vectors *run, struct state *state, struct connection *my)
{
    (void)state;
    struct id owner = owner_of(run, run->line->words[2]);
    struct status st = my->store->ops->heartbeat(
        op_of(run), my->store, owner, vectors_number(run, run->line->words[3]), &my->view);
    vectors_say_status(run, st);
}

/* What the last beat saw of a lane. */
static void do_see(struct vectors *run, struct state *state, struct connection *my)
{
    (void)state;
    const struct store_lane *lane = &my->view.lanes[lane_of(run, 2)];
    int64_t owner = vectors_id_number(run, lane->owner);
    if (owner == 0) {
        strbuf_add(run->said, STR("nobody"));
    } else {
        strbuf_addf(run->said, "%c", owner < 0 ? '?' : (char)('A' + owner - OWNER_ID));
        strbuf_add(run->said, lane->owner_alive ? STR(" alive") : STR(" dead"));
    }
    strbuf_add(run->said, lane->clean ? STR(" clean") : STR(" dirty"));
    strbuf_add(run->said, lane->stopped ? STR(" stopped") : STR(""));
}

static void do_alive(struct vectors *run, struct state *state, struct connection *my)
{
    (void)state;
    strbuf_addf(run->said, "%u", my->view.owners_alive);
}

static void do_retire(struct vectors *run, struct state *state, struct connection *my)
{
    (void)state;
    struct id owner = owner_of(run, run->line->words[2]);
    vectors_say_status(run, my->store->ops->retire(op_of(run), my->store, owner));
}

/* By what the last beat saw. */
static void do_claim(struct vectors *run, struct state *state, struct connection *my)
{
    (void)state;
    struct id owner = owner_of(run, run->line->words[2]);
    int32_t lane = lane_of(run, 3);
    struct status st = my->store->ops->claim(op_of(run), my->store, &my->view.lanes[lane], owner,
                                             &my->epochs[lane]);
    vectors_say_status(run, st);
}

static struct store_lane_ref ref_of(const struct vectors *run, const struct connection *my,
                                    uint32_t word)
{
    int32_t lane = lane_of(run, word);
    return (struct store_lane_ref){.lane = lane, .epoch = my->epochs[lane]};
}

/* As another connection has it. */
static void do_epoch(struct vectors *run, struct state *state, struct connection *my)
{
    int32_t lane = lane_of(run, 2);
    my->epochs[lane] = state->connections[run->line->words[3].ptr[0] - 'a'].epochs[lane];
    strbuf_add(run->said, STR("ok"));
}

static void do_release(struct vectors *run, struct state *state, struct connection *my)
{
    (void)state;
    bool clean = str_eq(run->line->words[3], STR("clean"));
    vectors_say_status(run,
                       my->store->ops->release(op_of(run), my->store, ref_of(run, my, 2), clean));
}

static void do_stop(struct vectors *run, struct state *state, struct connection *my)
{
    (void)state;
    vectors_say_status(
        run, my->store->ops->stop(op_of(run), my->store, ref_of(run, my, 2), run->line->words[3]));
}

/* A person's step: of no connection. */
static void do_resume(struct vectors *run, struct state *state, struct connection *my)
{
    (void)state;
    (void)my;
    run->world->ops->resume(run->world, lane_of(run, 2));
    strbuf_add(run->said, STR("ok"));
}

/* Queued calls: whether one fails now or at its sync is the port's affair, so the sync tells. */
static void queued(const struct vectors *run, struct connection *my, struct status st)
{
    my->failed = st;
    strbuf_add(run->said, STR("ok"));
}

static void do_begin(struct vectors *run, struct state *state, struct connection *my)
{
    (void)state;
    struct store_lane_ref refs[LANES];
    uint32_t count = 0;
    for (uint32_t w = 2; w < run->line->word_count; w++) {
        refs[count++] = ref_of(run, my, w);
    }
    my->failed = OK;
    my->fenced = true;
    queued(run, my, my->store->ops->begin(op_of(run), my->store, refs, count, &my->fence));
}

static struct vectors_rows *new_output(struct connection *my, const struct table *table,
                                       bool any_order)
{
    assert_true(my->output_count < OUTPUTS_MAX);
    struct vectors_rows *output = &my->outputs[my->output_count++];
    *output = (struct vectors_rows){.table = table, .any_order = any_order};
    return output;
}

static void do_load(struct vectors *run, struct state *state, struct connection *my)
{
    (void)state;
    struct id ids[VECTORS_WORDS_MAX];
    uint32_t count = 0;
    const struct table *table = vectors_rows_table(run);
    for (uint32_t w = 3; w < run->line->word_count; w++) {
        ids[count++] = vectors_id(run, vectors_number(run, run->line->words[w]));
    }
    bool children = str_eq(run->line->words[1], STR("children"));
    struct vectors_rows *output = new_output(my, table, !children);
    if (status_failed(my->failed)) {
        queued(run, my, my->failed);
        return;
    }
    struct op op = {.arena = &my->arena, .correlation_id = STR("test")};
    queued(run, my,
           children
               ? my->store->ops->load_children(&op, my->store, table, ids, count, &output->rows)
               : my->store->ops->load(&op, my->store, table, ids, count, &output->rows));
}

static void do_scan(struct vectors *run, struct state *state, struct connection *my)
{
    (void)state;
    const struct table_scan *scan = vectors_rows_scan(run);
    uint32_t end = 3;
    while (end < run->line->word_count && !str_has_prefix(run->line->words[end], STR("bound=")) &&
           !str_has_prefix(run->line->words[end], STR("limit="))) {
        end++;
    }
    const void *like = vectors_rows_read(run, scan->table, 3, end);
    struct vectors_rows *output =
        new_output(my, scan->table, scan->order < 0 || scan->bound == SCAN_PIECE);
    if (!status_failed(my->failed)) {
        struct op op = {.arena = &my->arena, .correlation_id = STR("test")};
        my->failed = my->store->ops->scan(
            &op, my->store, scan, like, vectors_option_number(run, "bound", 0),
            (uint32_t)vectors_option_number(run, "limit", VECTORS_ROWS_MAX), &output->rows);
    }
    queued(run, my, my->failed);
}

static void do_write(struct vectors *run, struct state *state, struct connection *my)
{
    (void)state;
    const struct table *table = vectors_rows_table(run);
    struct store *store = my->store;
    const void *rows[VECTORS_ROWS_MAX];
    int64_t was[VECTORS_ROWS_MAX];
    uint32_t count = 0;
    for (uint32_t w = 3; w < run->line->word_count && count < VECTORS_ROWS_MAX;
         count++) { /* "," parts */
        uint32_t end = w;
        while (end < run->line->word_count && !str_eq(run->line->words[end], STR(","))) {
            end++;
        }
        struct vectors_line part = {.number = run->line->number, .word_count = end - w};
        memcpy(part.words, &run->line->words[w], part.word_count * sizeof(part.words[0]));
        rows[count] = vectors_rows_read(run, table, w, end);
        struct vectors only = {.world = run->world, .number = run->number, .line = &part};
        was[count] = vectors_option_number(&only, "was", 0);
        w = end + 1;
    }
    if (!status_failed(my->failed)) {
        struct str verb_word = run->line->words[1];
        my->failed = str_eq(verb_word, STR("insert"))
                         ? store->ops->insert(op_of(run), store, table, rows, count)
                     : str_eq(verb_word, STR("update"))
                         ? store->ops->update(op_of(run), store, table, rows,
                                              table->version >= 0 ? was : NULL, count)
                         : store->ops->erase(op_of(run), store, table, rows, count);
    }
    queued(run, my, my->failed);
}

static void do_touch(struct vectors *run, struct state *state, struct connection *my)
{
    (void)state;
    bool touch = str_eq(run->line->words[1], STR("touch"));
    struct store_fence fence = my->fence;
    fence.clock.now_us += vectors_option_number(run, "ahead", 0) * 1000000;
    if (!status_failed(my->failed)) {
        my->failed = touch ? my->store->ops->touch(op_of(run), my->store, &fence)
                           : my->store->ops->tell(op_of(run), my->store, &my->fence);
    }
    queued(run, my, my->failed);
}

static void say_synced(const struct vectors *run, struct connection *my, struct status st)
{
    vectors_say_status(run, st);
    if (!status_failed(st) && my->fenced) {
        strbuf_add(run->said, STR(" held="));
        for (uint32_t i = 0; i < my->fence.held_count; i++) {
            strbuf_addf(run->said, i > 0 ? ",%d" : "%d", my->fence.held[i]);
        }
    }
    for (uint32_t i = 0; !status_failed(st) && i < my->output_count; i++) {
        vectors_rows_say(run, &my->outputs[i]);
    }
    my->fenced = false;
    my->output_count = 0;
    my->failed = OK;
    arena_reset(&my->arena);
}

static void do_sync(struct vectors *run, struct state *state, struct connection *my)
{
    (void)state;
    bool commit = str_eq(run->line->words[1], STR("commit"));
    struct status st = my->failed;
    if (!status_failed(st)) {
        st = commit ? my->store->ops->commit(op_of(run), my->store)
                    : my->store->ops->sync(op_of(run), my->store);
    }
    say_synced(run, my, st);
}

static void do_rollback(struct vectors *run, struct state *state, struct connection *my)
{
    (void)state;
    my->store->ops->rollback(my->store);
    my->failed = OK;
    my->fenced = false;
    my->output_count = 0;
    strbuf_add(run->said, STR("ok"));
}

/* Remembers the time of the last fence; "since" then compares another one's with it. */
static void do_mark(struct vectors *run, struct state *state, struct connection *my)
{
    state->mark_us = my->fence.clock.now_us;
    strbuf_add(run->said, state->mark_us > 0 ? STR("ok") : STR("no time"));
}

static void do_since(struct vectors *run, struct state *state, struct connection *my)
{
    int64_t since_us = my->fence.clock.now_us - state->mark_us;
    int64_t least_us = vectors_option_number(run, "least", 0);
    strbuf_add(run->said, since_us <= 0         ? STR("not later")
                          : since_us < least_us ? STR("too soon")
                                                : STR("later"));
}

/* Sandbox time, as the last fence told it, in seconds. */
static void do_sandbox(struct vectors *run, struct state *state, struct connection *my)
{
    (void)state;
    strbuf_addf(run->said, "%" PRId64, my->fence.clock.sandbox_us / 1000000);
}

/* How far the last fence's time is ahead of the clock itself, sandbox time left out, in seconds. */
static void do_ahead(struct vectors *run, struct state *state, struct connection *my)
{
    (void)state;
    const struct store_clock *clock = &my->fence.clock;
    int64_t ahead_us = clock->now_us - clock->sandbox_us - clock->wall_us;
    strbuf_addf(run->said, "%" PRId64, (ahead_us + 500000) / 1000000);
}

static void do_wait(struct vectors *run, struct state *state, struct connection *my)
{
    (void)state;
    (void)my;
    run->world->ops->advance(run->world, vectors_number(run, run->line->words[2]));
    strbuf_add(run->said, STR("ok"));
}

static void do_advance(struct vectors *run, struct state *state, struct connection *my)
{
    (void)state;
    (void)my;
    int64_t seconds = vectors_number(run, run->line->words[2]);
    run->world->ops->advance_clock(run->world, seconds * 1000000);
    strbuf_add(run->said, STR("ok"));
}

static const struct {
    const char *name;
    verb *run;
    uint32_t words; /* at least */
} verbs[] = {
    {"connect", do_connect, 2}, {"close", do_close, 2},       {"beat", do_beat, 4},
    {"see", do_see, 3},         {"alive", do_alive, 2},       {"retire", do_retire, 3},
    {"claim", do_claim, 4},     {"release", do_release, 4},   {"epoch", do_epoch, 4},
    {"stop", do_stop, 4},       {"resume", do_resume, 3},     {"begin", do_begin, 2},
    {"load", do_load, 3},       {"children", do_load, 3},     {"scan", do_scan, 4},
    {"insert", do_write, 3},    {"update", do_write, 4},      {"erase", do_write, 4},
    {"touch", do_touch, 2},     {"tell", do_touch, 2},        {"sync", do_sync, 2},
    {"commit", do_sync, 2},     {"rollback", do_rollback, 2}, {"mark", do_mark, 2},
    {"since", do_since, 2},     {"sandbox", do_sandbox, 2},   {"wait", do_wait, 3},
    {"advance", do_advance, 3}, {"ahead", do_ahead, 2},
};

static void run_line(struct vectors *run, void *context)
{
    const struct vectors_line *line = run->line;
    for (size_t i = 0; i < ARRAY_LEN(verbs) && line->word_count > 1; i++) {
        if (str_eq(line->words[1], str_of(verbs[i].name)) && line->word_count >= verbs[i].words) {
            verbs[i].run(run, context, connection_of(run, context));
            return;
        }
    }
    vectors_bad(run, "no such verb, or words are missing");
}

static void *open_vector(struct vectors *run)
{
    struct state *state = calloc(1, sizeof(*state));
    assert_non_null(state);
    if (run->world->simulated) {
        vectors_rows_constrain(run->world->db);
    }
    return state;
}

/* Every lane is as it was at first: nobody's, running. */
static void tidy_lanes(struct vectors *run)
{
    struct store *store = run->world->reader;
    struct op *op = op_of(run);
    struct store_view view;
    struct id janitor = vectors_id(run, OWNER_ID + OWNERS);
    world_must(run->world, store->ops->heartbeat(op, store, janitor, 1000, &view));
    for (int32_t p = 0; p < LANES; p++) {
        struct store_lane_ref ref = {.lane = p, .epoch = view.lanes[p].epoch};
        world_must(run->world, store->ops->release(op, store, ref, /* clean */ true));
        if (view.lanes[p].stopped) {
            run->world->ops->resume(run->world, p);
        }
    }
    world_must(run->world, store->ops->retire(op, store, janitor));
    for (int i = 0; i < OWNERS; i++) {
        world_must(run->world, store->ops->retire(op, store, vectors_id(run, OWNER_ID + i)));
    }
}

static void close_vector(struct vectors *run, void *context)
{
    struct state *state = context;
    for (size_t i = 0; i < CONNECTIONS; i++) {
        if (state->connections[i].store) {
            state->connections[i].store->ops->close(state->connections[i].store);
            arena_fini(&state->connections[i].arena);
        }
    }
    tidy_lanes(run);
    free(state);
}

const struct vectors_port vectors_store_port = {
    .open = open_vector, .run = run_line, .close = close_vector};
