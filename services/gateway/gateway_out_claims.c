/* In: decisions about users and claims. Out: posts of gateway.claims.v1 and gateway.commands.v1. */
#include "gateway/gateway_out_claims.h"

#include "base/assert.h"
#include "gateway/gateway_claim.h"
#include "holdfast/gateway/v1/claims.pb-c.h"
#include "wire/wire.h"

typedef Holdfast__Gateway__V1__GatewayClaim wire_claim;

/* What was asked, to be carried on: one of the two, the other stays NULL. */
static STATUS fill_asked(struct op *op, const struct gateway_account_ask *ask,
                         Holdfast__Gateway__V1__RegisterUser **ret_register,
                         Holdfast__Gateway__V1__LinkDiscord **ret_link)
{
    if (ask->verb == GATEWAY_ACCOUNT_REGISTER) {
        Holdfast__Gateway__V1__RegisterUser *body =
            arena_new(op->arena, Holdfast__Gateway__V1__RegisterUser, 1);
        if (!body) {
            return op_arena_full(op);
        }
        holdfast__gateway__v1__register_user__init(body);
        TRY(wire_fill_text(op, ask->display_name, &body->display_name));
        *ret_register = body;
        return wire_fill_text(op, ask->discord_id, &body->discord_id);
    }
    ASSERT(ask->verb == GATEWAY_ACCOUNT_LINK_DISCORD);
    Holdfast__Gateway__V1__LinkDiscord *body =
        arena_new(op->arena, Holdfast__Gateway__V1__LinkDiscord, 1);
    if (!body) {
        return op_arena_full(op);
    }
    holdfast__gateway__v1__link_discord__init(body);
    *ret_link = body;
    return wire_fill_text(op, ask->discord_id, &body->discord_id);
}

static STATUS post_claim(struct engine_turn *turn, const struct engine_message *cause,
                         struct id claim_id, wire_claim *claim, const ProtobufCMessage *body)
{
    struct op *op = engine_op(turn);
    struct id id = engine_next_id(turn);
    struct str payload;
    TRY(wire_meta_fill(op, cause, id, &claim->meta));
    TRY(wire_fill_id(op, claim_id, &claim->claim_id));
    TRY(wire_pack(op, &claim->base, &payload));
    return engine_post(turn, TOPIC_GATEWAY_CLAIMS_V1, id, wire_type(body), claim_id, payload);
}

STATUS gateway_out_claim(struct engine_turn *turn, const struct engine_message *cause,
                         const struct gateway_account *next, const struct gateway_account_ask *ask)
{
    struct op *op = engine_op(turn);
    wire_claim claim;
    Holdfast__Gateway__V1__ClaimDiscord body;
    holdfast__gateway__v1__gateway_claim__init(&claim);
    holdfast__gateway__v1__claim_discord__init(&body);
    TRY(wire_fill_id(op, next->id, &body.user_id));
    TRY(wire_fill_id(op, cause->id, &body.command_id));
    TRY(fill_asked(op, ask, &body.register_user, &body.link_discord));
    body.asked_case = ask->verb == GATEWAY_ACCOUNT_REGISTER
                          ? HOLDFAST__GATEWAY__V1__CLAIM_DISCORD__ASKED_REGISTER_USER
                          : HOLDFAST__GATEWAY__V1__CLAIM_DISCORD__ASKED_LINK_DISCORD;
    claim.body_case = HOLDFAST__GATEWAY__V1__GATEWAY_CLAIM__BODY_CLAIM_DISCORD;
    claim.claim_discord = &body;
    struct id claim_id = gateway_claim_id(next->marketplace_id, next->discord_id);
    return post_claim(turn, cause, claim_id, &claim, &body.base);
}

STATUS gateway_out_claim_returned(struct engine_turn *turn, const struct engine_message *cause,
                                  const struct gateway_account *account, struct str discord_id)
{
    wire_claim claim;
    Holdfast__Gateway__V1__ReturnDiscord body;
    holdfast__gateway__v1__gateway_claim__init(&claim);
    holdfast__gateway__v1__return_discord__init(&body);
    TRY(wire_fill_id(engine_op(turn), account->id, &body.user_id));
    claim.body_case = HOLDFAST__GATEWAY__V1__GATEWAY_CLAIM__BODY_RETURN_DISCORD;
    claim.return_discord = &body;
    struct id claim_id = gateway_claim_id(account->marketplace_id, discord_id);
    return post_claim(turn, cause, claim_id, &claim, &body.base);
}

STATUS gateway_out_claim_answered(struct engine_turn *turn, const struct engine_message *cause,
                                  const struct gateway_account_ask *ask, bool granted)
{
    struct op *op = engine_op(turn);
    struct id id = engine_next_id(turn);
    Holdfast__Gateway__V1__GatewayCommand command;
    Holdfast__Gateway__V1__ClaimAnswered body;
    struct str payload;
    holdfast__gateway__v1__gateway_command__init(&command);
    holdfast__gateway__v1__claim_answered__init(&body);
    TRY(wire_fill_id(op, ask->command_id, &body.command_id));
    body.granted = granted;
    TRY(fill_asked(op, ask, &body.register_user, &body.link_discord));
    body.asked_case = ask->verb == GATEWAY_ACCOUNT_REGISTER
                          ? HOLDFAST__GATEWAY__V1__CLAIM_ANSWERED__ASKED_REGISTER_USER
                          : HOLDFAST__GATEWAY__V1__CLAIM_ANSWERED__ASKED_LINK_DISCORD;
    TRY(wire_meta_fill(op, cause, id, &command.meta));
    TRY(wire_fill_id(op, ask->user_id, &command.user_id));
    command.body_case = HOLDFAST__GATEWAY__V1__GATEWAY_COMMAND__BODY_CLAIM_ANSWERED;
    command.claim_answered = &body;
    TRY(wire_pack(op, &command.base, &payload));
    return engine_post(turn, TOPIC_GATEWAY_COMMANDS_V1, id, wire_type(&body.base), ask->user_id,
                       payload);
}
