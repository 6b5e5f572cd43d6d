#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fee.h"
#include "base/money.h"
#include "base/op.h"
#include "engine/engine.h"
#include "holdfast/common/v1/meta.pb-c.h"

/*
 * Protobuf on arenas. What comes from outside is walked once against its descriptor before
 * protobuf-c sees it, because protobuf-c takes too much for granted: NUL and broken UTF-8 in
 * strings, unknown enum values, repeated scalars (the last wins), unbounded nesting and memory.
 * Messages are begun by their generated init function, not by the INIT macro, whose casts clang refuses.
 * Whatever is malformed is STATUS_INVALID with a wire.* code; what passes a bound is STATUS_LIMIT.
 */

#define WIRE_INPUT_MAX_BYTES BUS_VALUE_MAX_BYTES
/* What one message may take in memory: sixteen times the largest input. */
#define WIRE_BUDGET_BYTES ((size_t)4 * 1024 * 1024)
/* Messages within messages, the outermost included. Ours need four. */
#define WIRE_DEPTH_MAX 8
/* How much of a parked record its announcement repeats. */
#define WIRE_PARKED_VALUE_MAX_BYTES ((size_t)64 * 1024)

/* ---- Bytes to messages and back ---- */

/*
 * Checks and unpacks bytes into op->arena, using at most budget_bytes of it (WIRE_BUDGET_BYTES
 * where there is no reason for another). The message lives as long as the arena; it must not be
 * given to any free_unpacked. Fields that this version does not know are kept and packed again.
 * wire.empty, wire.malformed, wire.too_deep, wire.unknown_enum, wire.bad_text, wire.duplicate_field:
 * STATUS_INVALID; wire.input_too_large, wire.over_budget: STATUS_LIMIT.
 */
STATUS wire_unpack(struct op *op, const ProtobufCMessageDescriptor *descriptor, struct str bytes,
                   size_t budget_bytes, ProtobufCMessage **ret_message);

/* Packs into op->arena. wire.output_too_large (STATUS_LIMIT) over BUS_VALUE_MAX_BYTES. A message
 * without any field set gives an empty slice that is not NULL. */
STATUS wire_pack(struct op *op, const ProtobufCMessage *message, struct str *ret_bytes);

/* The CloudEvents type of a record is the full name of its body: "holdfast.escrow.v1.EscrowFundsHeld".
 * `body` is the submessage in the oneof. Borrowed from the descriptor: lives for ever. */
struct str wire_type(const ProtobufCMessage *body);

/* ---- Reading fields: each checks, and names the field in the error ---- */

/* Exactly 16 bytes and not all zero; else wire.bad_id. */
STATUS wire_id(struct op *op, const char *field, ProtobufCBinaryData bytes, struct id *ret_id);
/* Empty (gives "none") or exactly 16 bytes; else wire.bad_id. */
STATUS wire_id_or_none(struct op *op, const char *field, ProtobufCBinaryData bytes,
                       struct id *ret_id);
/* min_bytes <= length <= max_bytes; else wire.bad_length. Borrowed from the message. */
STATUS wire_text(struct op *op, const char *field, const char *text, size_t min_bytes,
                 size_t max_bytes, struct str *ret_text);
/* Whatever it is, borrowed from the message. */
struct str wire_bytes(ProtobufCBinaryData bytes);
/* A currency of ours and an amount above zero; else wire.bad_money. */
STATUS wire_money(struct op *op, const char *field, const Holdfast__Common__V1__Money *money,
                  enum currency *ret_currency, int64_t *ret_amount_minor);
/* None for NULL. Nothing is refused: whoever makes the deal judges its terms. */
struct fee_terms wire_fees(const Holdfast__Common__V1__FeeTerms *fees);
/* The record's key is the text of this id; else wire.wrong_key. */
STATUS wire_check_key(struct op *op, const struct bus_record *record, struct id key);

/* ---- Filling fields: memory is in op->arena; op.arena_full when it is full ---- */

/* Borrowed, not copied: packing does not write. */
ProtobufCBinaryData wire_borrow(const void *bytes, size_t len);
/* None gives an empty field. */
STATUS wire_fill_id(struct op *op, struct id id, ProtobufCBinaryData *ret_bytes);
/* A NUL-terminated copy. The text must be UTF-8 without NUL (ASSERT): it was checked on entry. */
STATUS wire_fill_text(struct op *op, struct str text, char **ret_text);
STATUS wire_fill_money(struct op *op, enum currency currency, int64_t amount_minor,
                       Holdfast__Common__V1__Money **ret_money);
STATUS wire_fill_fees(struct op *op, const struct fee_terms *terms,
                      Holdfast__Common__V1__FeeTerms **ret_fees);

/* ---- Meta: what every record carries ---- */

/*
 * Fills id, correlation_id, causation_id and actor of *message; touches nothing else. Message and
 * correlation id are required, causation id is not; an actor is required and has an id unless it is
 * SYSTEM. wire.no_meta, wire.bad_id, wire.bad_actor: STATUS_INVALID.
 */
STATUS wire_meta_read(struct op *op, const Holdfast__Common__V1__Meta *meta,
                      struct engine_message *message);

/* Meta of what a decision about `cause` emits: message id = id (of engine_next_id), correlation and
 * actor of the cause, causation = the cause's id, committed at the fence's time (op->now_us). */
STATUS wire_meta_fill(struct op *op, const struct engine_message *cause, struct id id,
                      Holdfast__Common__V1__Meta **ret_meta);

/* Meta of what comes from outside (an intake's record): no cause, committed_at 0. */
STATUS wire_meta_origin(struct op *op, struct id id, struct id correlation_id,
                        struct engine_actor actor, Holdfast__Common__V1__Meta **ret_meta);

/* ---- Content of intake records (R4) ---- */

/* SHA-256 over type, key, actor and the packed body. Intake and consumer must both use this. */
struct hash wire_content_hash(struct str type, struct id key, struct engine_actor actor,
                              struct str body);
/* The same of an unpacked body: type is wire_type(body), the bytes are packed into the arena. */
STATUS wire_content_of(struct op *op, struct id key, struct engine_actor actor,
                       const ProtobufCMessage *body, struct hash *ret_content);

/* ---- Parking ---- */

/* engine_service.parked_record: a packed common.v1.ParkedRecord by SYSTEM, the value cut to
 * WIRE_PARKED_VALUE_MAX_BYTES. Empty with ptr NULL when the arena is full. */
struct str wire_parked_record(struct op *op, const struct bus_record *record, struct id message_id,
                              struct id key, struct str reason);
