/*
 * gateway.claims.v1: which user of a marketplace has a Discord id, decided in the lane of the claim.
 * Out: rows of discord_claim, answers to the users' lanes.
 */
#include <inttypes.h>

#include "base/assert.h"
#include "gateway/gateway_account.h"
#include "gateway/gateway_claim.h"
#include "gateway/gateway_in.h"
#include "gateway/gateway_out_claims.h"
#include "holdfast/gateway/v1/claims.pb-c.h"
#include "wire/wire.h"

enum claim_verb {
    CLAIM_NONE = 0,
    CLAIM_TAKE,
    CLAIM_GIVE_BACK,
};

struct claim_message {
    enum claim_verb verb;
    struct gateway_account_ask ask; /* GIVE_BACK: user_id alone */
};

static STATUS read_claim(struct op *op, const Holdfast__Gateway__V1__ClaimDiscord *in,
                         struct claim_message *out)
{
    out->verb = CLAIM_TAKE;
    TRY(wire_id(op, "user_id", in->user_id, &out->ask.user_id));
    TRY(wire_id(op, "command_id", in->command_id, &out->ask.command_id));
    switch (in->asked_case) {
    case HOLDFAST__GATEWAY__V1__CLAIM_DISCORD__ASKED_REGISTER_USER:
        out->ask.verb = GATEWAY_ACCOUNT_REGISTER;
        out->ask.display_name = str_of(in->register_user->display_name);
        out->ask.discord_id = str_of(in->register_user->discord_id);
        return OK;
    case HOLDFAST__GATEWAY__V1__CLAIM_DISCORD__ASKED_LINK_DISCORD:
        out->ask.verb = GATEWAY_ACCOUNT_LINK_DISCORD;
        out->ask.discord_id = str_of(in->link_discord->discord_id);
        return OK;
    case HOLDFAST__GATEWAY__V1__CLAIM_DISCORD__ASKED__NOT_SET:
    case _HOLDFAST__GATEWAY__V1__CLAIM_DISCORD__ASKED__CASE_IS_INT_SIZE: break;
    }
    return op_fail(op, STATUS_INVALID, "user.bad_claim", "for nothing that was asked");
}

/* *ret_body stays NULL when it is of a newer version. */
static STATUS read_body(struct op *op, const Holdfast__Gateway__V1__GatewayClaim *in,
                        struct claim_message *out, const ProtobufCMessage **ret_body)
{
    *ret_body = NULL;
    switch (in->body_case) {
    case HOLDFAST__GATEWAY__V1__GATEWAY_CLAIM__BODY_CLAIM_DISCORD:
        *ret_body = &in->claim_discord->base;
        return read_claim(op, in->claim_discord, out);
    case HOLDFAST__GATEWAY__V1__GATEWAY_CLAIM__BODY_RETURN_DISCORD:
        *ret_body = &in->return_discord->base;
        out->verb = CLAIM_GIVE_BACK;
        return wire_id(op, "user_id", in->return_discord->user_id, &out->ask.user_id);
    case HOLDFAST__GATEWAY__V1__GATEWAY_CLAIM__BODY__NOT_SET:
    case _HOLDFAST__GATEWAY__V1__GATEWAY_CLAIM__BODY__CASE_IS_INT_SIZE: break;
    }
    return OK;
}

STATUS gateway_in_claims_decode(struct op *op, const struct bus_record *record,
                                struct engine_message *ret_message)
{
    ProtobufCMessage *unpacked;
    TRY(wire_unpack(op, &holdfast__gateway__v1__gateway_claim__descriptor, record->value,
                    WIRE_BUDGET_BYTES, &unpacked));
    const Holdfast__Gateway__V1__GatewayClaim *in =
        (const Holdfast__Gateway__V1__GatewayClaim *)unpacked;
    struct claim_message *claim = arena_new(op->arena, struct claim_message, 1);
    if (!claim) {
        return op_arena_full(op);
    }
    TRY(wire_id(op, "claim_id", in->claim_id, &ret_message->key));
    TRY(wire_check_key(op, record, ret_message->key));
    TRY(wire_meta_read(op, in->meta, ret_message));
    const ProtobufCMessage *body;
    TRY(read_body(op, in, claim, &body));
    if (!body) { /* it stays open until a version that knows it comes */
        ret_message->skip = true;
        return OK;
    }
    ret_message->type = (int32_t)claim->verb;
    ret_message->body = claim;
    /* Not of the whole record: decided again after a restore, it is posted at another time. */
    return wire_content_of(op, ret_message->key, ret_message->actor, body, &ret_message->content);
}

static STATUS check(struct op *op, const struct gateway_claim *claim)
{
    return gateway_claim_is_sound(claim)
               ? OK
               : op_fail(op, STATUS_BUG, "user.claim_unsound", "%" PRId64 " grants", claim->grants);
}

static STATUS take(struct engine_turn *turn, const struct engine_message *message,
                   const struct gateway_account_ask *ask)
{
    struct op *op = engine_op(turn);
    struct gateway_claim *now = engine_aggregate(turn);
    struct gateway_claim next = now ? *now : (struct gateway_claim){.id = message->key};
    bool granted = gateway_claim_grant(&next, ask->user_id);
    if (granted) {
        TRY(check(op, &next));
    }
    if (granted && now) {
        *now = next;
        engine_changed(turn);
    } else if (granted) {
        void *row = NULL;
        TRY(engine_create(turn, &next, &row));
    }
    return gateway_out_claim_answered(turn, message, ask, granted);
}

static STATUS give_back(struct engine_turn *turn, struct id user_id)
{
    struct op *op = engine_op(turn);
    struct gateway_claim *now = engine_aggregate(turn);
    if (!now || !gateway_claim_give_back(now, user_id)) {
        return op_fail(op, STATUS_BUG, "user.claim_unsound", "given back and never granted");
    }
    TRY(check(op, now));
    engine_changed(turn);
    return OK;
}

STATUS gateway_in_claims_decide(struct engine_turn *turn, const struct engine_message *message)
{
    const struct claim_message *claim = message->body;
    const struct gateway_claim *now = engine_aggregate(turn);
    TRY(now ? check(engine_op(turn), now) : OK);
    switch (claim->verb) {
    case CLAIM_TAKE: return take(turn, message, &claim->ask);
    case CLAIM_GIVE_BACK: return give_back(turn, claim->ask.user_id);
    case CLAIM_NONE: break;
    }
    UNREACHABLE("claim verb");
}

STATUS gateway_in_claims_dropped(struct engine_turn *turn, const struct engine_message *message)
{
    const struct claim_message *claim = message->body;
    return claim->verb == CLAIM_TAKE
               ? gateway_out_claim_answered(turn, message, &claim->ask, /* granted */ false)
               : OK;
}
