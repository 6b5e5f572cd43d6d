/* escrow.commands.v1: packed EscrowCommands to decisions. */
#include <string.h>

#include "escrow/escrow_in.h"
#include "escrow/escrow_out_events.h"
#include "holdfast/escrow/v1/commands.pb-c.h"
#include "wire/wire.h"

#define CASE(name) HOLDFAST__ESCROW__V1__ESCROW_COMMAND__BODY_##name

static struct status read_milestones(struct op *op,
                                     const Holdfast__Escrow__V1__CreateEscrow *create,
                                     struct escrow_terms *terms)
{
    struct escrow_milestone_terms *milestones =
        arena_new(op->arena, struct escrow_milestone_terms, create->n_milestones);
    if (!milestones) {
        return op_arena_full(op);
    }
    for (size_t i = 0; i < create->n_milestones; i++) {
        milestones[i] =
            (struct escrow_milestone_terms){.title = str_of(create->milestones[i]->title),
                                            .amount_minor = create->milestones[i]->amount_minor};
    }
    terms->milestones = milestones;
    terms->milestone_count = create->n_milestones;
    return OK;
}

/* What is no hash is none of this deal's: whoever signed over it gets that answer. */
static struct hash hash_from(ProtobufCBinaryData bytes)
{
    struct hash hash = {.bytes = {0}};
    if (bytes.len == HASH_BYTES) {
        memcpy(hash.bytes, bytes.data, HASH_BYTES);
    }
    return hash;
}

/* The terms as they were asked for; whether they can be accepted is decided, not decoded: whoever
 * asked then gets an answer. */
static struct status read_terms(struct op *op, const Holdfast__Escrow__V1__CreateEscrow *create,
                                struct escrow_terms *terms)
{
    TRY(wire_id(op, "marketplace_id", create->marketplace_id, &terms->marketplace_id));
    TRY(wire_id(op, "buyer_id", create->buyer_id, &terms->buyer_id));
    TRY(wire_id(op, "seller_id", create->seller_id, &terms->seller_id));
    if (create->price && create->price->currency == HOLDFAST__COMMON__V1__CURRENCY__CURRENCY_USD) {
        terms->currency = CURRENCY_USD;
        terms->price_minor = create->price->amount_minor;
    }
    terms->seller_account = str_of(create->seller_account);
    terms->funding_seconds = create->funding_seconds;
    terms->delivery_seconds = create->delivery_seconds;
    terms->inspection_seconds = create->inspection_seconds;
    terms->fees = wire_fees(create->fees);
    terms->description = str_of(create->description);
    terms->arbiter_key = wire_bytes(create->arbiter_key);
    TRY(wire_id_or_none(op, "arbiter_id", create->arbiter_id, &terms->arbiter_id));
    return read_milestones(op, create, terms);
}

static struct status read_as(struct escrow_message *body, enum escrow_message_kind kind,
                             const ProtobufCMessage *content, const ProtobufCMessage **ret_content)
{
    body->kind = kind;
    *ret_content = content;
    return OK;
}

/* A type that this version does not know is none of ours. */
static void read_evidence(const Holdfast__Escrow__V1__SubmitEvidence *submit,
                          struct escrow_message *body)
{
    int type = (int)submit->type;
    bool known = type > MEDIA_NONE && type < MEDIA_COUNT;
    body->content = hash_from(submit->content);
    body->evidence = known ? (enum media)type : MEDIA_NONE;
    body->size_bytes = submit->size_bytes;
    body->text = str_of(submit->description);
}

/* *ret_content: the submessage. Borrowed from the command. */
static struct status read_body(struct op *op, const Holdfast__Escrow__V1__EscrowCommand *command,
                               struct escrow_message *body, const ProtobufCMessage **ret_content)
{
    switch (command->body_case) {
    case CASE(CREATE_ESCROW):
        body->kind = ESCROW_CREATE;
        *ret_content = &command->create_escrow->base;
        return read_terms(op, command->create_escrow, &body->terms);
    case CASE(MARK_DELIVERED):
        body->number = command->mark_delivered->milestone;
        return read_as(body, ESCROW_MARK_DELIVERED, &command->mark_delivered->base, ret_content);
    case CASE(RELEASE_FUNDS):
        body->number = command->release_funds->milestone;
        return read_as(body, ESCROW_RELEASE, &command->release_funds->base, ret_content);
    case CASE(CANCEL_ESCROW):
        body->text = str_of(command->cancel_escrow->reason);
        return read_as(body, ESCROW_CANCEL, &command->cancel_escrow->base, ret_content);
    case CASE(REFUND):
        body->text = str_of(command->refund->reason);
        body->number = command->refund->milestone;
        return read_as(body, ESCROW_REFUND, &command->refund->base, ret_content);
    case CASE(RETRY_PAYOUT):
        return read_as(body, ESCROW_RETRY_PAYOUT, &command->retry_payout->base, ret_content);
    case CASE(REJECT_DELIVERY):
        body->text = str_of(command->reject_delivery->reason);
        body->number = command->reject_delivery->milestone;
        return read_as(body, ESCROW_REJECT_DELIVERY, &command->reject_delivery->base, ret_content);
    case CASE(ACCEPT_RETURN):
        return read_as(body, ESCROW_ACCEPT_RETURN, &command->accept_return->base, ret_content);
    case CASE(RAISE_DISPUTE):
        body->text = str_of(command->raise_dispute->reason);
        return read_as(body, ESCROW_RAISE_DISPUTE, &command->raise_dispute->base, ret_content);
    case CASE(RELEASE_PART):
        body->amount_minor = command->release_part->amount_minor;
        return read_as(body, ESCROW_RELEASE_PART, &command->release_part->base, ret_content);
    case CASE(PROPOSE_SPLIT):
        body->seller_minor = command->propose_split->seller_minor;
        body->buyer_minor = command->propose_split->buyer_minor;
        return read_as(body, ESCROW_PROPOSE_SPLIT, &command->propose_split->base, ret_content);
    case CASE(ACCEPT_SPLIT):
        body->number = command->accept_split->number;
        return read_as(body, ESCROW_ACCEPT_SPLIT, &command->accept_split->base, ret_content);
    case CASE(RESOLVE_DISPUTE):
        body->number = command->resolve_dispute->number;
        body->seller_minor = command->resolve_dispute->seller_minor;
        body->buyer_minor = command->resolve_dispute->buyer_minor;
        body->text = str_of(command->resolve_dispute->reason);
        body->head = hash_from(command->resolve_dispute->head);
        body->signature = wire_bytes(command->resolve_dispute->signature);
        return read_as(body, ESCROW_RESOLVE_DISPUTE, &command->resolve_dispute->base, ret_content);
    case CASE(SUBMIT_EVIDENCE):
        read_evidence(command->submit_evidence, body);
        return read_as(body, ESCROW_SUBMIT_EVIDENCE, &command->submit_evidence->base, ret_content);
    case CASE(WITHDRAW_SPLIT):
        body->number = command->withdraw_split->number;
        return read_as(body, ESCROW_WITHDRAW_SPLIT, &command->withdraw_split->base, ret_content);
    case CASE(WITHDRAW_DISPUTE):
        return read_as(body, ESCROW_WITHDRAW_DISPUTE, &command->withdraw_dispute->base,
                       ret_content);
    case CASE(_NOT_SET):
    case _HOLDFAST__ESCROW__V1__ESCROW_COMMAND__BODY__CASE_IS_INT_SIZE: break;
    }
    return op_fail(op, STATUS_INVALID, "escrow.unknown_type", "no command that this version knows");
}

STATUS escrow_in_commands_decode(struct op *op, const struct bus_record *record,
                                 struct engine_message *ret_message)
{
    ProtobufCMessage *unpacked;
    TRY(wire_unpack(op, &holdfast__escrow__v1__escrow_command__descriptor, record->value,
                    WIRE_BUDGET_BYTES, &unpacked));
    const Holdfast__Escrow__V1__EscrowCommand *command =
        (const Holdfast__Escrow__V1__EscrowCommand *)unpacked;
    struct escrow_message *body;
    const ProtobufCMessage *content = NULL;
    TRY(wire_id(op, "escrow_id", command->escrow_id, &ret_message->key));
    TRY(wire_check_key(op, record, ret_message->key));
    TRY(wire_meta_read(op, command->meta, ret_message));
    TRY(escrow_in_new_body(op, ret_message, &body));
    TRY(read_body(op, command, body, &content));
    TRY(wire_content_of(op, ret_message->key, ret_message->actor, content, &ret_message->content));
    ret_message->type = (int32_t)body->kind;
    ret_message->creates = body->kind == ESCROW_CREATE;
    return OK;
}

STATUS escrow_in_commands_dropped(struct engine_turn *turn, const struct engine_message *message)
{
    const struct escrow *now = engine_aggregate(turn);
    return escrow_out_rejection(turn, message, now ? now->state : ESCROW_NONE,
                                ESCROW_REASON_DROPPED);
}
