/*
 * gateway.commands.v1: what was asked about users, decided in the lane of the user. Out: rows of
 * account, records of accounts.events.v1, claims of Discord ids, and refusals for whoever asked.
 */
#include <inttypes.h>

#include "base/assert.h"
#include "gateway/gateway_account.h"
#include "gateway/gateway_in.h"
#include "gateway/gateway_out_accounts.h"
#include "gateway/gateway_out_claims.h"
#include "gateway/gateway_repo.h"
#include "holdfast/gateway/v1/commands.pb-c.h"
#include "wire/wire.h"

#define CASE(name) HOLDFAST__GATEWAY__V1__GATEWAY_COMMAND__BODY_##name

/* As it was asked for; whether it can be done is decided, so that whoever asked hears of it. */
static void read_register(const Holdfast__Gateway__V1__RegisterUser *in,
                          struct gateway_account_ask *ask)
{
    ask->verb = GATEWAY_ACCOUNT_REGISTER;
    ask->display_name = str_of(in->display_name);
    ask->discord_id = str_of(in->discord_id);
}

static void read_link(const Holdfast__Gateway__V1__LinkDiscord *in, struct gateway_account_ask *ask)
{
    ask->verb = GATEWAY_ACCOUNT_LINK_DISCORD;
    ask->discord_id = str_of(in->discord_id);
}

static STATUS read_answer(struct op *op, const Holdfast__Gateway__V1__ClaimAnswered *in,
                          struct gateway_account_ask *ask)
{
    ask->claim = in->granted ? GATEWAY_ACCOUNT_CLAIM_GRANTED : GATEWAY_ACCOUNT_CLAIM_TAKEN;
    TRY(wire_id(op, "command_id", in->command_id, &ask->command_id));
    switch (in->asked_case) {
    case HOLDFAST__GATEWAY__V1__CLAIM_ANSWERED__ASKED_REGISTER_USER:
        read_register(in->register_user, ask);
        return OK;
    case HOLDFAST__GATEWAY__V1__CLAIM_ANSWERED__ASKED_LINK_DISCORD:
        read_link(in->link_discord, ask);
        return OK;
    case HOLDFAST__GATEWAY__V1__CLAIM_ANSWERED__ASKED__NOT_SET:
    case _HOLDFAST__GATEWAY__V1__CLAIM_ANSWERED__ASKED__CASE_IS_INT_SIZE: break;
    }
    return op_fail(op, STATUS_INVALID, "user.bad_claim", "for nothing that was asked");
}

/* *ret_body NULL: of a newer version. */
static STATUS read_body(struct op *op, const Holdfast__Gateway__V1__GatewayCommand *command,
                        struct gateway_account_ask *ask, const ProtobufCMessage **ret_body)
{
    switch (command->body_case) {
    case CASE(REGISTER_USER):
        read_register(command->register_user, ask);
        *ret_body = &command->register_user->base;
        return OK;
    case CASE(LINK_DISCORD):
        read_link(command->link_discord, ask);
        *ret_body = &command->link_discord->base;
        return OK;
    case CASE(CLAIM_ANSWERED):
        *ret_body = &command->claim_answered->base;
        return read_answer(op, command->claim_answered, ask);
    case CASE(_NOT_SET):
    case _HOLDFAST__GATEWAY__V1__GATEWAY_COMMAND__BODY__CASE_IS_INT_SIZE: break;
    }
    *ret_body = NULL;
    return OK;
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
    const ProtobufCMessage *body;
    TRY(read_body(op, command, ask, &body));
    if (!body) { /* of a newer version: it stays open until one that knows it comes */
        ret_message->skip = true;
        return OK;
    }
    ask->user_id = ret_message->key;
    ask->actor = ret_message->actor;
    ret_message->type = (int32_t)ask->verb;
    ret_message->creates = ask->verb == GATEWAY_ACCOUNT_REGISTER;
    ret_message->also_closes = ask->command_id;
    ret_message->body = ask;
    return wire_content_of(op, ret_message->key, ret_message->actor, body, &ret_message->content);
}

static struct status check(struct op *op, const struct gateway_account *account)
{
    return !account || gateway_account_is_sound(account)
               ? OK
               : op_fail(op, STATUS_BUG, "user.unsound", "seq %" PRId64, account->seq);
}

/* A grant for what came to nothing, or was so by the time it came. */
static STATUS return_unused(struct engine_turn *turn, const struct engine_message *message)
{
    const struct gateway_account_ask *ask = message->body;
    const struct gateway_account *now = engine_aggregate(turn);
    const struct gateway_account nobody = {
        .id = message->key, .marketplace_id = gateway_account_marketplace(&message->actor)};
    return ask->claim == GATEWAY_ACCOUNT_CLAIM_GRANTED
               ? gateway_out_claim_returned(turn, message, now ? now : &nobody, ask->discord_id)
               : OK;
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
    }
    if (decision.news == GATEWAY_ACCOUNT_NEWS_NONE) {
        return return_unused(turn, message);
    }
    TRY(check(op, &decision.next));
    if (decision.needs_claim) {
        TRY(gateway_out_claim(turn, message, &decision.next, message->body));
        engine_close_later(turn);
        return OK;
    }
    if (now) {
        struct str before = now->discord_id;
        *now = decision.next;
        engine_changed(turn);
        TRY(before.len > 0 ? gateway_out_claim_returned(turn, message, now, before) : OK);
    } else {
        void *row = NULL;
        TRY(engine_create(turn, &decision.next, &row));
    }
    return gateway_out_account_event(turn, message, decision.news, &decision.next);
}

/* What was granted to it is not used. */
STATUS gateway_in_accounts_dropped(struct engine_turn *turn, const struct engine_message *message)
{
    return return_unused(turn, message);
}
