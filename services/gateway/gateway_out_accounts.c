/* In: decisions about users. Out: records of accounts.events.v1. */
#include "gateway/gateway_out_accounts.h"

#include "base/assert.h"
#include "holdfast/accounts/v1/events.pb-c.h"
#include "wire/wire.h"

static struct status fill_joined(struct op *op, const struct gateway_account *account,
                                 Holdfast__Accounts__V1__AccountsEvent *event,
                                 const ProtobufCMessage **ret_body)
{
    Holdfast__Accounts__V1__UserJoined *body =
        arena_new(op->arena, Holdfast__Accounts__V1__UserJoined, 1);
    if (!body) {
        return op_arena_full(op);
    }
    holdfast__accounts__v1__user_joined__init(body);
    event->body_case = HOLDFAST__ACCOUNTS__V1__ACCOUNTS_EVENT__BODY_USER_JOINED;
    event->user_joined = body;
    *ret_body = &body->base;
    TRY(wire_fill_text(op, account->display_name, &body->display_name));
    TRY(wire_fill_text(op, account->discord_id, &body->discord_id));
    return wire_fill_id(op, account->marketplace_id, &body->marketplace_id);
}

static struct status fill_linked(struct op *op, const struct gateway_account *account,
                                 Holdfast__Accounts__V1__AccountsEvent *event,
                                 const ProtobufCMessage **ret_body)
{
    Holdfast__Accounts__V1__AccountLinked *body =
        arena_new(op->arena, Holdfast__Accounts__V1__AccountLinked, 1);
    if (!body) {
        return op_arena_full(op);
    }
    holdfast__accounts__v1__account_linked__init(body);
    event->body_case = HOLDFAST__ACCOUNTS__V1__ACCOUNTS_EVENT__BODY_ACCOUNT_LINKED;
    event->account_linked = body;
    *ret_body = &body->base;
    return wire_fill_text(op, account->discord_id, &body->discord_id);
}

static struct status fill_body(struct op *op, enum gateway_account_news news,
                               const struct gateway_account *account,
                               Holdfast__Accounts__V1__AccountsEvent *event,
                               const ProtobufCMessage **ret_body)
{
    switch (news) {
    case GATEWAY_ACCOUNT_JOINED: return fill_joined(op, account, event, ret_body);
    case GATEWAY_ACCOUNT_LINKED: return fill_linked(op, account, event, ret_body);
    case GATEWAY_ACCOUNT_NEWS_NONE:
    case GATEWAY_ACCOUNT_NEWS_COUNT: break;
    }
    UNREACHABLE("account news");
}

STATUS gateway_out_account_event(struct engine_turn *turn, const struct engine_message *cause,
                                 enum gateway_account_news news,
                                 const struct gateway_account *account)
{
    struct op *op = engine_op(turn);
    struct id id = engine_next_id(turn);
    Holdfast__Accounts__V1__AccountsEvent event;
    const ProtobufCMessage *body = NULL;
    struct str payload;
    holdfast__accounts__v1__accounts_event__init(&event);
    TRY(wire_meta_fill(op, cause, id, &event.meta));
    TRY(wire_fill_id(op, account->id, &event.user_id));
    event.seq = account->seq;
    TRY(fill_body(op, news, account, &event, &body));
    TRY(wire_pack(op, &event.base, &payload));
    return engine_emit(turn, TOPIC_ACCOUNTS_EVENTS_V1, id, wire_type(body), payload);
}
