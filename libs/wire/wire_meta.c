/* In: Meta of records, and what a decision is about. Out: the same, checked; and content hashes. */
#include <string.h>

#include "wire/wire.h"

#define KIND(name) HOLDFAST__COMMON__V1__ACTOR_KIND__ACTOR_KIND_##name
_Static_assert((int)ENGINE_ACTOR_NONE == (int)KIND(UNSPECIFIED), "actor kinds");
_Static_assert((int)ENGINE_ACTOR_USER == (int)KIND(USER), "actor kinds");
_Static_assert((int)ENGINE_ACTOR_MARKETPLACE == (int)KIND(MARKETPLACE), "actor kinds");
_Static_assert((int)ENGINE_ACTOR_STAFF == (int)KIND(STAFF), "actor kinds");
_Static_assert((int)ENGINE_ACTOR_SYSTEM == (int)KIND(SYSTEM), "actor kinds");
_Static_assert(ENGINE_ACTOR_COUNT == 5, "a new kind needs its line above");
#undef KIND

static struct status actor_read(struct op *op, const Holdfast__Common__V1__Actor *actor,
                                struct engine_actor *ret_actor)
{
    int kind = actor ? (int)actor->kind : ENGINE_ACTOR_NONE;
    if (kind <= ENGINE_ACTOR_NONE || kind >= ENGINE_ACTOR_COUNT) {
        return op_fail(op, STATUS_INVALID, "wire.bad_actor", "actor of kind %d", kind);
    }
    struct id id;
    TRY(wire_id_or_none(op, "actor.id", actor->id, &id));
    if (id_is_none(id) != (kind == ENGINE_ACTOR_SYSTEM)) {
        return op_fail(op, STATUS_INVALID, "wire.bad_actor", "kind %d %s an id", kind,
                       id_is_none(id) ? "without" : "with");
    }
    *ret_actor = (struct engine_actor){.kind = (enum engine_actor_kind)kind, .id = id};
    return OK;
}

STATUS wire_meta_read(struct op *op, const Holdfast__Common__V1__Meta *meta,
                      struct engine_message *message)
{
    if (!meta) {
        return op_fail(op, STATUS_INVALID, "wire.no_meta", "the record has no meta");
    }
    struct id id;
    struct id correlation_id;
    struct id causation_id;
    struct engine_actor actor;
    TRY(wire_id(op, "message_id", meta->message_id, &id));
    TRY(wire_id(op, "correlation_id", meta->correlation_id, &correlation_id));
    TRY(wire_id_or_none(op, "causation_id", meta->causation_id, &causation_id));
    TRY(actor_read(op, meta->actor, &actor));
    message->id = id;
    message->correlation_id = correlation_id;
    message->causation_id = causation_id;
    message->actor = actor;
    return OK;
}

/* NULL when the arena is full. */
static Holdfast__Common__V1__Meta *new_meta(struct op *op, struct id id, struct id correlation_id,
                                            struct engine_actor actor)
{
    Holdfast__Common__V1__Meta *meta = arena_new(op->arena, Holdfast__Common__V1__Meta, 1);
    Holdfast__Common__V1__Actor *who = arena_new(op->arena, Holdfast__Common__V1__Actor, 1);
    if (!meta || !who) {
        return NULL;
    }
    holdfast__common__v1__meta__init(meta);
    holdfast__common__v1__actor__init(who);
    if (status_failed(wire_fill_id(op, id, &meta->message_id)) ||
        status_failed(wire_fill_id(op, correlation_id, &meta->correlation_id)) ||
        status_failed(wire_fill_id(op, actor.id, &who->id))) {
        return NULL;
    }
    who->kind = (Holdfast__Common__V1__ActorKind)actor.kind;
    meta->actor = who;
    return meta;
}

STATUS wire_meta_origin(struct op *op, struct id id, struct id correlation_id,
                        struct engine_actor actor, Holdfast__Common__V1__Meta **ret_meta)
{
    Holdfast__Common__V1__Meta *meta = new_meta(op, id, correlation_id, actor);
    if (!meta) {
        return op_arena_full(op);
    }
    *ret_meta = meta;
    return OK;
}

STATUS wire_meta_fill(struct op *op, const struct engine_message *cause, struct id id,
                      Holdfast__Common__V1__Meta **ret_meta)
{
    Holdfast__Common__V1__Meta *meta = new_meta(op, id, cause->correlation_id, cause->actor);
    if (!meta) {
        return op_arena_full(op);
    }
    TRY(wire_fill_id(op, cause->id, &meta->causation_id));
    meta->committed_at_us = op->now_us;
    *ret_meta = meta;
    return OK;
}

struct hash wire_content_hash(struct str type, struct id key, struct engine_actor actor,
                              struct str body)
{
    struct hash_state state;
    hash_init(&state);
    hash_add_str(&state, type);
    hash_add(&state, key.bytes, sizeof(key.bytes));
    hash_add_u64(&state, (uint64_t)actor.kind);
    hash_add(&state, actor.id.bytes, sizeof(actor.id.bytes));
    hash_add_str(&state, body);
    return hash_done(&state);
}

STATUS wire_content_of(struct op *op, struct id key, struct engine_actor actor,
                       const ProtobufCMessage *body, struct hash *ret_content)
{
    struct str bytes;
    TRY(wire_pack(op, body, &bytes));
    *ret_content = wire_content_hash(wire_type(body), key, actor, bytes);
    return OK;
}

static struct status parked_pack(struct op *op, const struct bus_record *record,
                                 struct id message_id, struct id key, struct str reason,
                                 struct str *ret_bytes)
{
    Holdfast__Common__V1__ParkedRecord parked;
    holdfast__common__v1__parked_record__init(&parked);
    /* The message may have no readable correlation; its announcement stands for itself. */
    struct engine_actor system = {.kind = ENGINE_ACTOR_SYSTEM};
    TRY(wire_meta_origin(op, message_id, message_id, system, &parked.meta));
    TRY(wire_fill_id(op, key, &parked.key));
    TRY(wire_fill_text(op, str_of(topology_topics[record->topic].name), &parked.topic));
    TRY(wire_fill_text(op, reason, &parked.reason));
    parked.meta->committed_at_us = op->now_us;
    parked.partition = record->partition;
    parked.offset = record->offset;
    size_t len = record->value.len < WIRE_PARKED_VALUE_MAX_BYTES ? record->value.len
                                                                 : WIRE_PARKED_VALUE_MAX_BYTES;
    uint8_t *copy = arena_new(op->arena, uint8_t, len); /* the field is not const */
    if (!copy) {
        return op_arena_full(op);
    }
    if (len > 0) {
        memcpy(copy, record->value.ptr, len);
    }
    parked.value = (ProtobufCBinaryData){.len = len, .data = copy};
    return wire_pack(op, &parked.base, ret_bytes);
}

struct str wire_parked_record(struct op *op, const struct bus_record *record, struct id message_id,
                              struct id key, struct str reason)
{
    struct str bytes = {0};
    status_ignore(parked_pack(op, record, message_id, key, reason, &bytes),
                  "the caller sees an empty slice");
    return bytes;
}
