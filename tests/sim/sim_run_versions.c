/*
 * Two versions at once (R10): an older replica is the same service but for one type of message that it
 * does not know yet. What it reads of that type has its body under a number that no version knows, so
 * that the product's own decoding meets a message from a newer one. Services begin old, are rolled on
 * replica by replica, and back; lanes go from one version to the other and back.
 */
#include "base/assert.h"
#include "base/defer.h"
#include "sim_run_internal.h"

#define TURNS_ROUND_PER_MILLE 150 /* of steps of a roll: it goes the other way from now on */
#define UNKNOWN_FIELD 2047        /* two bytes with its wire type, as a length-delimited field */
#define FIELD_SHIFT 3
#define VARINT_MORE 0x80U
#define VARINT_BITS 7

/* What may have come last into each service; by the oneofs in proto/. Nothing that begins anything, or that
 * refuses: those are as old as the services. */
static const struct {
    enum topic topic; /* NONE: all of it is as old as the service */
    uint32_t first, last;
} newest[SIM_SERVICE_COUNT] = {
    [SIM_GATEWAY] = {TOPIC_ESCROW_EVENTS_V1, 11, 28},
    [SIM_ESCROW] = {TOPIC_ESCROW_COMMANDS_V1, 11, 17},
    [SIM_PAYMENTS] = {TOPIC_PAYMENTS_COMMANDS_V1, 11, 13},
    [SIM_NOTIFICATIONS] = {TOPIC_ESCROW_EVENTS_V1, 11, 28},
};

static struct older {
    struct sim_run *run;
    const struct engine_service *newer;
    struct engine_service service;
    struct engine_handler handlers[ENGINE_HANDLERS_MAX];
    uint32_t unknown; /* the field of the oneof */
} olders[SIM_SERVICE_COUNT];

/* ---- What an older version makes of a record ---- */

static bool read_varint(struct str bytes, size_t *at, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (uint32_t shift = 0; *at < bytes.len && shift < 64; shift += VARINT_BITS) {
        uint8_t byte = (uint8_t)bytes.ptr[(*at)++];
        value |= (uint64_t)(byte & (VARINT_MORE - 1)) << shift;
        if (byte < VARINT_MORE) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

/* Finds a length-delimited field of the message: where its tag is, and what is behind that. */
static bool find_field(struct str bytes, uint32_t field, size_t *ret_tag, size_t *ret_rest)
{
    enum { VARINT = 0, FIXED64 = 1, DELIMITED = 2, FIXED32 = 5 };

    size_t at = 0;
    while (at < bytes.len) {
        uint64_t tag;
        uint64_t len = 0;
        *ret_tag = at;
        if (!read_varint(bytes, &at, &tag)) {
            return false;
        }
        *ret_rest = at;
        uint64_t kind = tag & ((1U << FIELD_SHIFT) - 1);
        if (kind == DELIMITED && tag >> FIELD_SHIFT == field) {
            return true;
        }
        bool read = kind == VARINT || kind == DELIMITED ? read_varint(bytes, &at, &len)
                                                        : kind == FIXED64 || kind == FIXED32;
        size_t fixed = kind == FIXED64 ? 8 : kind == FIXED32 ? 4 : 0;
        at += kind == DELIMITED ? len : fixed;
        if (!read) {
            return false;
        }
    }
    return false;
}

static STATUS hide(struct op *op, uint32_t field, struct str *value, bool *ret_hidden)
{
    static const char tag[] = {(char)0xfa, 0x7f}; /* UNKNOWN_FIELD, delimited */
    _Static_assert(UNKNOWN_FIELD == 2047, "the tag above");

    size_t at;
    size_t rest;
    struct strbuf buf;
    *ret_hidden = find_field(*value, field, &at, &rest);
    if (!*ret_hidden) {
        return OK;
    }
    strbuf_init(&buf, op->arena, value->len + sizeof(tag));
    strbuf_add(&buf, (struct str){.ptr = value->ptr, .len = at});
    strbuf_add(&buf, (struct str){.ptr = tag, .len = sizeof(tag)});
    strbuf_add(&buf, (struct str){.ptr = value->ptr + rest, .len = value->len - rest});
    return strbuf_finish(&buf, value) ? OK : op_arena_full(op);
}

static STATUS decode(enum sim_service service, struct op *op, const struct bus_record *record,
                     struct engine_message *ret_message)
{
    struct older *older = &olders[service];
    const struct engine_handler *handler = older->newer->handlers;
    struct bus_record seen = *record;
    bool hidden = false;
    while (handler->topic != record->topic) {
        handler++;
    }
    if (record->topic == newest[service].topic) {
        TRY(hide(op, older->unknown, &seen.value, &hidden));
    }
    if (hidden) {
        older->run->outcome->reach.unknown[service]++;
        sim_check_unheard(older->run->check, service, record->message_id);
    }
    return handler->decode(op, &seen, ret_message);
}

static struct status decode_gateway(struct op *op, const struct bus_record *record,
                                    struct engine_message *ret_message)
{
    return decode(SIM_GATEWAY, op, record, ret_message);
}

static struct status decode_escrow(struct op *op, const struct bus_record *record,
                                   struct engine_message *ret_message)
{
    return decode(SIM_ESCROW, op, record, ret_message);
}

static struct status decode_payments(struct op *op, const struct bus_record *record,
                                     struct engine_message *ret_message)
{
    return decode(SIM_PAYMENTS, op, record, ret_message);
}

static struct status decode_notifications(struct op *op, const struct bus_record *record,
                                          struct engine_message *ret_message)
{
    return decode(SIM_NOTIFICATIONS, op, record, ret_message);
}

/* ---- Versions of a world ---- */

void sim_run_begin_old(struct sim_run *run)
{
    static struct status (*const decodes[SIM_SERVICE_COUNT])(struct op *, const struct bus_record *,
                                                             struct engine_message *) = {
        [SIM_GATEWAY] = decode_gateway,
        [SIM_ESCROW] = decode_escrow,
        [SIM_PAYMENTS] = decode_payments,
        [SIM_NOTIFICATIONS] = decode_notifications,
    };

    for (int i = 0; i < SIM_SERVICE_COUNT && run->plan.on[SIM_TROUBLE_VERSIONS]; i++) {
        struct sim_world_service *of = &run->world->services[i];
        struct older *older = &olders[i];
        if (newest[i].topic == TOPIC_NONE) {
            continue;
        }
        *older = (struct older){.run = run, .newer = of->service, .service = *of->service};
        for (uint32_t h = 0; h < of->service->handler_count; h++) {
            older->handlers[h] = of->service->handlers[h];
            older->handlers[h].decode = decodes[i];
        }
        older->service.handlers = older->handlers;
        older->unknown =
            newest[i].first + (uint32_t)sim_run_below(run, newest[i].last - newest[i].first + 1);
        of->older = &older->service;
        of->starts_older = true;
    }
}

void sim_run_roll_on(struct sim_run *run)
{
    struct sim_world_service *of = &run->world->services[sim_run_below(run, SIM_SERVICE_COUNT)];
    if (of->older && sim_run_chance(run, TURNS_ROUND_PER_MILLE)) {
        of->starts_older = !of->starts_older;
    }
    for (uint32_t i = 0; i < SIM_WORLD_PROCESSES_MAX; i++) {
        struct sim_process *process = &run->world->processes[i];
        if (sim_process_lives(process) && &run->world->services[process->service] == of &&
            process->is_older != (of->older && of->starts_older)) {
            sim_run_roll(run, process);
            return;
        }
    }
}

void sim_run_finish_roll(struct sim_run *run)
{
    for (uint32_t i = 0; i < SIM_SERVICE_COUNT; i++) {
        run->world->services[i].starts_older = false;
    }
    for (uint32_t i = 0; i < SIM_WORLD_PROCESSES_MAX; i++) {
        struct sim_process *process = &run->world->processes[i];
        if (sim_process_lives(process) && process->is_older) {
            sim_world_stop(process);
        }
    }
}
