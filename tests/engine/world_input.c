/* What a test writes: records, rows, requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/lane.h"
#include "world_internal.h"

#define VALUE_MAX_BYTES 64
#define NAME_MAX_BYTES 64

__attribute__((format(printf, 3, 4))) static struct str printed(char *text, size_t size,
                                                                const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, size, format, args);
    va_end(args);
    assert_true(len >= 0);
    assert_true((size_t)len < size);
    return (struct str){.ptr = text, .len = (size_t)len};
}

struct id world_id(const char *name, uint32_t i)
{
    char text[NAME_MAX_BYTES];
    return id_v5(id_namespace(STR("test/id")), printed(text, sizeof(text), "%s %u", name, i));
}

struct id world_account(uint32_t i)
{
    return world_id("account", i);
}

struct id world_account_in(int32_t lane, uint32_t i)
{
    for (uint32_t at = 0;; at++) {
        struct id id = world_id("account", at);
        if (lane_of_key(id) == lane && i-- == 0) {
            return id;
        }
    }
}

void world_write(struct world *world, const struct bus_message *message)
{
    struct bus *bus = world->producer;
    world_must(world, bus->ops->produce(&world->op, bus, message));
    world->appended[message->topic][message->partition]++;
    struct bus_delivery delivery;
    while (bus->ops->in_flight(bus) > 0) {
        if (bus->ops->delivered(bus, &delivery)) {
            assert_true(delivery.ok);
        } else {
            bus->ops->wait(bus, 1);
        }
    }
    while (bus->ops->delivered(bus, &delivery)) {
        assert_true(delivery.ok);
    }
}

static void write_text(struct world *world, struct bus_message message, struct id account,
                       const char *verb, int64_t amount)
{
    char key[ID_TEXT_BYTES];
    char value[VALUE_MAX_BYTES];
    id_format(account, key);
    message.partition = lane_of_key(account);
    message.key = (struct str){.ptr = key, .len = ID_TEXT_BYTES - 1};
    message.value = printed(value, sizeof(value), "%s %lld", verb, (long long)amount);
    message.type = STR("toy.Command");
    world_write(world, &message);
}

void world_command_n(struct world *world, struct id account, const char *verb, int64_t amount,
                     int64_t n, int64_t committed_at_us, struct id message_id)
{
    struct bus_message message = {.topic = TOY_COMMANDS,
                                  .n = n,
                                  .committed_at_us = committed_at_us,
                                  .message_id = message_id};
    write_text(world, message, account, verb, amount);
}

struct id world_command(struct world *world, struct id account, const char *verb, int64_t amount)
{
    int64_t n = ++world->numbered[lane_of_key(account)];
    world->clock_us++;
    struct id id = id_derive(world_id("command", (uint32_t)world->clock_us), world->clock_us);
    world_command_n(world, account, verb, amount, n, world->clock_us, id);
    return id;
}

void world_signal(struct world *world, struct id account, const char *verb, int64_t amount,
                  struct id message_id)
{
    struct bus_message message = {.topic = TOY_SIGNALS, .message_id = message_id};
    write_text(world, message, account, verb, amount);
}

void world_put(struct world *world, const struct table *table, const void *row)
{
    struct store *store = world->reader;
    struct store_fence fence;
    const void *rows[] = {row};
    world_must(world, store->ops->begin(&world->op, store, NULL, 0, &fence));
    world_must(world, store->ops->insert(&world->op, store, table, rows, 1));
    world_must(world, store->ops->commit(&world->op, store));
}

struct id world_ask(struct world *world, const struct admin_request_row *request)
{
    struct admin_request_row row = *request;
    row.id = world_id("request", world->admin_count++);
    row.created_at_us = clock_wall_us() + world->admin_count;
    row.open = true;
    row.requested_by = row.requested_by.len > 0 ? row.requested_by : STR("ada");
    world_put(world, &engine_admin_request_table, &row);
    return row.id;
}

static const struct admin_request_row *find_request(struct world *world, struct id id)
{
    const void *rows;
    uint32_t count = world_rows(world, &engine_admin_request_table, &rows);
    const struct admin_request_row *request = rows;
    for (uint32_t i = 0; i < count; i++) {
        if (id_eq(request[i].id, id)) {
            return &request[i];
        }
    }
    return NULL;
}

static bool is_answered(struct world *world, const void *context)
{
    const struct id *id = context;
    const struct admin_request_row *request = find_request(world, *id);
    assert_non_null(request);
    return !request->open;
}

void world_answered(struct world *world, struct id request, const char *prefix)
{
    world_await(world, is_answered, &request);
    const struct admin_request_row *row = find_request(world, request);
    if (!str_has_prefix(row->result, str_of(prefix))) {
        print_error("answered: " STR_FMT "\n", STR_ARG(row->result));
        fail();
    }
}

void world_intake(struct world *world, struct id account, const char *verb, int64_t amount,
                  struct id message_id, int64_t due_at_us)
{
    char value[VALUE_MAX_BYTES];
    struct str payload = printed(value, sizeof(value), "%s %lld", verb, (long long)amount);
    struct intake_row row = {.id = message_id,
                             .lane = lane_of_key(account),
                             .topic = str_of(topology_topics[TOY_SIGNALS].name),
                             .key = account,
                             .type = STR("toy.Command"),
                             .payload = payload,
                             .content = hash_of(payload),
                             .account = world_id("owner", 0),
                             .created_at_us = clock_wall_us(),
                             .due_at_us = due_at_us,
                             .open = true};
    world_put(world, &engine_intake_table, &row);
}
