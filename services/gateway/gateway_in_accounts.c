/*
 * gateway.commands.v1: what was asked about users, decided in the lane of the user. Out: rows of
 * account, records of accounts.events.v1, and refusals for whoever asked.
 */
#include <inttypes.h>

#include "base/assert.h"
#include "gateway/gateway_account.h"
#include "gateway/gateway_in.h"
#include "gateway/gateway_out_accounts.h"
#include "gateway/gateway_repo.h"
#include "holdfast/gateway/v1/commands.pb-c.h"
#include "wire/wire.h"

#define CASE(name) HOLDFAST__GATEWAY__V1__GATEWAY_COMMAND__BODY_##name

/* As it was asked for; whether it can be done is decided, so that whoever asked hears of it. */
static const ProtobufCMessage *read_body(const Holdfast__Gateway__V1__GatewayCommand *command,
                                         struct gateway_account_ask *ask)
{
    switch (command->body_case) {
    case CASE(REGISTER_USER):
        ask->verb = GATEWAY_ACCOUNT_REGISTER;
        ask->display_name = str_of(command->register_user->display_name);
        ask->discord_id = str_of(command->register_user->discord_id);
        return &command->register_user->base;
    case CASE(LINK_DISCORD):
        ask->verb = GATEWAY_ACCOUNT_LINK_DISCORD;
        ask->discord_id = str_of(command->link_discord->discord_id);
        return &command->link_discord->base;
    case CASE(_NOT_SET):
    case _HOLDFAST__GATEWAY__V1__GATEWAY_COMMAND__BODY__CASE_IS_INT_SIZE: break;
    }
    return NULL;
}

STATUS gateway_in_accounts_decode(struct op *op, const struct bus_record *record,
                                  struct engine_message *ret_message)
{
    ProtobufCMessage *unpacked;
    TRY(wire_unpack(op, &holdfast__gateway__v1__gateway_command__descriptor, record->value,
                    WIRE_BUDGET_BYTES, &unpacked));
    const Holdfast__Gateway__V1__GatewayCommand *command =
        (const Holdfast__Gateway__V1__GatewayCommand *)unpacked;
    struct gateway_account_ask *ask = arena_new(op->arena, struct gateway_account_ask, 1);
    if (!ask) {
        return op_arena_full(op);
    }
    TRY(wire_id(op, "user_id", command->user_id, &ret_message->key));
    TRY(wire_check_key(op, record, ret_message->key));
    TRY(wire_meta_read(op, command->meta, ret_message));
    const ProtobufCMessage *body = read_body(command, ask);
    if (!body) { /* of a newer version: it stays open until one that knows it comes */
        ret_message->skip = true;
        return OK;
    }
    ask->user_id = ret_message->key;
    ask->actor = ret_message->actor;
    ret_message->type = (int32_t)ask->verb;
    ret_message->creates = ask->verb == GATEWAY_ACCOUNT_REGISTER;
    ret_message->body = ask;
    return wire_content_of(op, ret_message->key, ret_message->actor, body, &ret_message->content);
}

static struct status check(struct op *op, const struct gateway_account *account)
{
    return !account || gateway_account_is_sound(account)
               ? OK
               : op_fail(op, STATUS_BUG, "user.unsound", "seq %" PRId64, account->seq);
}

STATUS gateway_in_accounts_decide(struct engine_turn *turn, const struct engine_message *message)
{
    struct op *op = engine_op(turn);
    struct gateway_account *now = engine_aggregate(turn);
    TRY(check(op, now));
    struct gateway_account_decision decision =
        gateway_account_decide(now, message->body, op->now_us);
    if (decision.refusal != GATEWAY_ACCOUNT_REFUSAL_NONE) {
        const struct gateway_account_refusal_text *text =
            gateway_account_refusal_text(decision.refusal);
        engine_refuse(turn, str_of(text->code), str_of(text->sentence));
        return OK;
    }
    if (decision.news == GATEWAY_ACCOUNT_NEWS_NONE) {
        return OK;
    }
    TRY(check(op, &decision.next));
    if (now) {
        *now = decision.next;
        engine_changed(turn);
    } else {
        void *row = NULL;
        TRY(engine_create(turn, &decision.next, &row));
    }
    return gateway_out_account_event(turn, message, decision.news, &decision.next);
}
