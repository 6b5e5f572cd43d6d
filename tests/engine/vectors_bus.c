/*
 * The vectors of the bus: clients a to d and two topics, T and U, in a partition that no other vector
 * has used. What comes late in a real one is waited for.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/defer.h"
#include "sim/sim_kafka.h"
#include "vectors.h"
#include "world_internal.h"

#define CLIENTS 4
#define HELD_MAX 32
#define LAST_TOPIC (TOPIC_COUNT - 1)
#define COME_MS 15000 /* what must come, comes by then */
#define QUIET_MS 700  /* what must not come would have come by then */
#define WAIT_MS 20
#define BYTES_MAX (BUS_VALUE_MAX_BYTES + 1)

struct client {
    struct bus *bus; /* NULL: not used yet */
    struct bus_record held[HELD_MAX];
    uint32_t held_count;
};

struct state {
    struct client clients[CLIENTS];
    enum topic topics[2]; /* T, U */
    int32_t partition;
    char *bytes; /* a value of any length */
};

static struct op *op_of(const struct vectors *run)
{
    return &run->world->op;
}

static struct client *client_of(struct vectors *run, struct state *state)
{
    struct str who = run->line->words[0];
    if (who.len != 1 || who.ptr[0] < 'a' || who.ptr[0] >= 'a' + CLIENTS) {
        vectors_bad(run, "no such client");
    }
    struct client *client = &state->clients[who.ptr[0] - 'a'];
    if (!client->bus) {
        client->bus = run->world->ops->new_bus(run->world);
    }
    return client;
}

static enum topic topic_of(const struct vectors *run, const struct state *state, uint32_t word)
{
    struct str name = run->line->words[word];
    if (!str_eq(name, STR("T")) && !str_eq(name, STR("U"))) {
        vectors_bad(run, "no such topic");
    }
    return state->topics[str_eq(name, STR("T")) ? 0 : 1];
}

static const char *topic_name(const struct state *state, enum topic topic)
{
    return topic == state->topics[0] ? "T" : topic == state->topics[1] ? "U" : "?";
}

/* ---- Verbs ---- */

typedef void verb(struct vectors *run, struct state *state, struct client *my);

static void release_all(struct client *my)
{
    while (my->held_count > 0) {
        my->bus->ops->release(my->bus, &my->held[--my->held_count]);
    }
}

static void do_open(struct vectors *run, struct state *state, struct client *my)
{
    (void)state;
    (void)my; /* client_of did it */
    strbuf_add(run->said, STR("ok"));
}

static void do_close(struct vectors *run, struct state *state, struct client *my)
{
    (void)state;
    release_all(my);
    my->bus->ops->close(my->bus);
    *my = (struct client){.bus = NULL};
    strbuf_add(run->said, STR("ok"));
}

/* The same for everybody, and not empty. */
static void do_cluster(struct vectors *run, struct state *state, struct client *my)
{
    (void)state;
    struct str mine = STR("");
    struct str other = STR("");
    struct bus *producer = run->world->producer;
    world_must(run->world, my->bus->ops->cluster_id(op_of(run), my->bus, &mine));
    world_must(run->world, producer->ops->cluster_id(op_of(run), producer, &other));
    strbuf_add(run->said, mine.len > 0 && str_eq(mine, other) ? STR("the same") : STR("another"));
}

static void do_info(struct vectors *run, struct state *state, struct client *my)
{
    struct bus_topic_info info = {.partition_count = 0};
    vectors_say_status(
        run, my->bus->ops->topic_info(op_of(run), my->bus, topic_of(run, state, 2), &info));
    strbuf_addf(run->said, " %d %s", info.partition_count,
                info.retention_ms == -1 || info.retention_ms > 0 ? "kept" : "not kept");
}

static void do_tails(struct vectors *run, struct state *state, struct client *my)
{
    enum topic topics[TOPIC_COUNT];
    struct bus_tail tails[TOPIC_COUNT];
    uint32_t count = 0;
    for (uint32_t w = 2; w < run->line->word_count; w++) {
        topics[count++] = topic_of(run, state, w);
    }
    int64_t until_ms = clock_mono_ms() + COME_MS; /* a new topic's leader has yet to be chosen */
    struct status st = OK;
    do {
        st = my->bus->ops->tails(op_of(run), my->bus, topics, count, state->partition, tails);
    } while (st.kind == STATUS_RETRY && !run->world->simulated && clock_mono_ms() < until_ms);
    vectors_say_status(run, st);
    for (uint32_t i = 0; i < count && !status_failed(st); i++) {
        strbuf_addf(run->said, " %s=%" PRId64 "..%" PRId64, topic_name(state, topics[i]),
                    tails[i].low, tails[i].high);
        if (tails[i].n != 0 || tails[i].committed_at_us != 0) {
            strbuf_addf(run->said, ",n=%" PRId64 ",at=%" PRId64, tails[i].n,
                        tails[i].committed_at_us);
        }
    }
}

static void do_assign(struct vectors *run, struct state *state, struct client *my)
{
    struct status st =
        my->bus->ops->assign(op_of(run), my->bus, topic_of(run, state, 2), state->partition,
                             vectors_number(run, run->line->words[3]));
    vectors_say_status(run, st);
}

static void do_unassign(struct vectors *run, struct state *state, struct client *my)
{
    my->bus->ops->unassign(my->bus, topic_of(run, state, 2), state->partition);
    strbuf_add(run->said, STR("ok"));
}

static void say_record(const struct vectors *run, const struct state *state,
                       const struct bus_record *record)
{
    strbuf_addf(run->said, "%s offset=%" PRId64, topic_name(state, record->topic), record->offset);
    if (record->partition != state->partition || record->broker_at_ms <= 0) {
        strbuf_add(run->said, STR(" of another partition, or without time"));
    }
    if (record->numbered) {
        strbuf_addf(run->said, " n=%" PRId64 " at=%" PRId64, record->n, record->committed_at_us);
    } else if (record->n != 0 || record->committed_at_us != 0) {
        strbuf_add(run->said, STR(" a number that is none"));
    }
    if (!id_is_none(record->message_id)) {
        strbuf_addf(run->said, " id=%" PRId64, vectors_id_number(run, record->message_id));
    }
    if (record->key.len > 0) {
        strbuf_addf(run->said, " key=" STR_FMT, STR_ARG(record->key));
    }
    if (record->value.len > 64) {
        strbuf_addf(run->said, " bytes=%zu", record->value.len);
    } else if (record->value.len > 0) {
        strbuf_addf(run->said, " value=" STR_FMT, STR_ARG(record->value));
    }
}

/* Is kept until the client releases. */
static void do_poll(struct vectors *run, struct state *state, struct client *my)
{
    bool none = str_eq(run->line->expected, STR("none"));
    int64_t until_ms = clock_mono_ms() + (none ? QUIET_MS : COME_MS);
    struct bus_record record = {.partition = -1};
    bool got = false;
    struct status st = OK;
    do {
        st = my->bus->ops->poll(op_of(run), my->bus, &record, &got);
        if (!got && !status_failed(st)) {
            my->bus->ops->wait(my->bus, WAIT_MS);
        }
    } while (!got && !status_failed(st) && clock_mono_ms() < until_ms);
    if (status_failed(st)) {
        vectors_say_status(run, st);
        strbuf_addf(run->said, " %s %s", op_of(run)->err.code,
                    record.partition == state->partition ? topic_name(state, record.topic) : "?");
    } else if (got) {
        assert_true(my->held_count < HELD_MAX);
        my->held[my->held_count++] = record;
        say_record(run, state, &record);
    } else {
        strbuf_add(run->said, STR("none"));
    }
}

/* Says again what was polled first: it has not changed. */
static void do_again(struct vectors *run, struct state *state, struct client *my)
{
    assert_true(my->held_count > 0);
    say_record(run, state, &my->held[0]);
}

static void do_release(struct vectors *run, struct state *state, struct client *my)
{
    (void)state;
    release_all(my);
    strbuf_add(run->said, STR("ok"));
}

static void do_position(struct vectors *run, struct state *state, struct client *my)
{
    my->bus->ops->commit_position(my->bus, topic_of(run, state, 2), state->partition,
                                  vectors_number(run, run->line->words[3]));
    strbuf_add(run->said, STR("ok"));
}

static void do_produce(struct vectors *run, struct state *state, struct client *my)
{
    struct bus_message message = {.topic = topic_of(run, state, 2),
                                  .partition = state->partition,
                                  .n = vectors_option_number(run, "n", 0),
                                  .committed_at_us = vectors_option_number(run, "at", 0),
                                  .message_id =
                                      vectors_id(run, vectors_option_number(run, "id", 0)),
                                  .type = STR("holdfast.test.v1.Vector"),
                                  .key = STR(""),
                                  .value = STR("")};
    bool keyed = vectors_option(run->line, "key", &message.key);
    bool valued = vectors_option(run->line, "value", &message.value);
    bool traced = vectors_option(run->line, "trace", &message.traceparent);
    if (!valued) {
        message.value.ptr = state->bytes;
        message.value.len = (size_t)vectors_option_number(run, "bytes", 0);
    }
    (void)keyed;
    (void)traced;
    vectors_say_status(run, my->bus->ops->produce(op_of(run), my->bus, &message));
}

/* The reports of so many messages, each as topic/n. */
static void do_reports(struct vectors *run, struct state *state, struct client *my)
{
    int64_t wanted = vectors_number(run, run->line->words[2]);
    int64_t until_ms = clock_mono_ms() + (wanted > 0 ? COME_MS : QUIET_MS);
    strbuf_add(run->said, STR("ok"));
    for (int64_t count = 0; count <= wanted && clock_mono_ms() < until_ms;) {
        struct bus_delivery delivery;
        if (count == wanted && wanted > 0) {
            return;
        }
        if (!my->bus->ops->delivered(my->bus, &delivery)) {
            my->bus->ops->wait(my->bus, WAIT_MS);
            continue;
        }
        count++;
        strbuf_addf(run->said, " %s/%" PRId64 "%s%s", topic_name(state, delivery.topic), delivery.n,
                    delivery.partition == state->partition ? "" : " elsewhere",
                    delivery.ok ? "" : " failed");
        if (delivery.ok != (delivery.broker_at_ms > 0)) {
            strbuf_add(run->said, STR(" without the broker's time"));
        }
        int64_t id = vectors_id_number(run, delivery.message_id);
        if (id != 0) {
            strbuf_addf(run->said, "/%" PRId64, id);
        }
    }
}

static void do_flight(struct vectors *run, struct state *state, struct client *my)
{
    (void)state;
    strbuf_addf(run->said, "%u", my->bus->ops->in_flight(my->bus));
}

static void do_hurry(struct vectors *run, struct state *state, struct client *my)
{
    (void)state;
    my->bus->ops->hurry(my->bus);
    strbuf_add(run->said, STR("ok"));
}

static void do_reset(struct vectors *run, struct state *state, struct client *my)
{
    (void)state;
    vectors_say_status(run, my->bus->ops->reset_producer(op_of(run), my->bus));
}

/* A wait of five seconds, after a wake or with something there, is over long before. */
static void do_wait(struct vectors *run, struct state *state, struct client *my)
{
    (void)state;
    bool soon = str_eq(run->line->words[1], STR("waits"));
    int64_t began_ms = clock_mono_ms();
    int64_t wait_ms = soon ? 5000 : vectors_number(run, run->line->words[2]);
    my->bus->ops->wait(my->bus, wait_ms);
    int64_t took_ms = clock_mono_ms() - began_ms;
    strbuf_add(run->said, !soon ? STR("ok") : took_ms < wait_ms ? STR("not long") : STR("long"));
}

static void do_wake(struct vectors *run, struct state *state, struct client *my)
{
    (void)state;
    my->bus->ops->wake(my->bus);
    strbuf_add(run->said, STR("ok"));
}

/* Retention, which no client of ours does. */
static void do_expire(struct vectors *run, struct state *state, struct client *my)
{
    (void)my;
    run->world->ops->expire(run->world, topic_of(run, state, 2), state->partition,
                            vectors_number(run, run->line->words[3]));
    strbuf_add(run->said, STR("ok"));
}

static const struct {
    const char *name;
    verb *run;
    uint32_t words; /* at least */
} verbs[] = {
    {"open", do_open, 2},         {"close", do_close, 2},       {"cluster", do_cluster, 2},
    {"info", do_info, 3},         {"tails", do_tails, 3},       {"assign", do_assign, 4},
    {"unassign", do_unassign, 3}, {"poll", do_poll, 2},         {"again", do_again, 2},
    {"release", do_release, 2},   {"position", do_position, 4}, {"produce", do_produce, 3},
    {"reports", do_reports, 3},   {"flight", do_flight, 2},     {"hurry", do_hurry, 2},
    {"reset", do_reset, 2},       {"wait", do_wait, 3},         {"waits", do_wait, 2},
    {"wake", do_wake, 2},         {"expire", do_expire, 4},
};

static void run_line(struct vectors *run, void *context)
{
    const struct vectors_line *line = run->line;
    for (size_t i = 0; i < ARRAY_LEN(verbs) && line->word_count > 1; i++) {
        if (str_eq(line->words[1], str_of(verbs[i].name)) && line->word_count >= verbs[i].words) {
            verbs[i].run(run, context, client_of(run, context));
            return;
        }
    }
    vectors_bad(run, "no such verb, or words are missing");
}

static void *open_vector(struct vectors *run)
{
    struct state *state = calloc(1, sizeof(*state));
    assert_non_null(state);
    state->bytes = calloc(1, BYTES_MAX);
    assert_non_null(state->bytes);
    memset(state->bytes, 'x', BYTES_MAX);
    uint32_t at = run->number - 1;
    assert_true(at < (uint32_t)LAST_TOPIC / 2 * LANES);
    state->topics[0] = (enum topic)(TOPIC_NONE + 1 + at / LANES);
    state->topics[1] = (enum topic)(LAST_TOPIC - (int)(at / LANES));
    state->partition = (int32_t)(at % LANES);
    return state;
}

static void close_vector(struct vectors *run, void *context)
{
    (void)run;
    struct state *state = context;
    for (size_t i = 0; i < CLIENTS; i++) {
        if (state->clients[i].bus) {
            release_all(&state->clients[i]);
            state->clients[i].bus->ops->close(state->clients[i].bus);
        }
    }
    free(state->bytes);
    free(state);
}

const struct vectors_port vectors_bus_port = {
    .open = open_vector, .run = run_line, .close = close_vector};
