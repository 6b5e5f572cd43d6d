/* In: decisions about users. Out: records of accounts.events.v1. */
#include "gateway/gateway_out_accounts.h"

#include "base/assert.h"
#include "holdfast/accounts/v1/events.pb-c.h"
#include "wire/wire.h"

static struct status emit(struct engine_turn *turn, struct id id, const ProtobufCMessage *body,
                          const Holdfast__Accounts__V1__AccountsEvent *event)
{
    struct str payload;
    TRY(wire_pack(engine_op(turn), &event->base, &payload));
    return engine_emit(turn, TOPIC_ACCOUNTS_EVENTS_V1, id, wire_type(body), payload);
}

static struct status joined(struct engine_turn *turn, struct id id,
                            const struct gateway_account *account,
                            Holdfast__Accounts__V1__AccountsEvent *event)
{
    struct op *op = engine_op(turn);
    Holdfast__Accounts__V1__UserJoined body;
    holdfast__accounts__v1__user_joined__init(&body);
    TRY(wire_fill_text(op, account->display_name, &body.display_name));
    TRY(wire_fill_text(op, account->discord_id, &body.discord_id));
    TRY(wire_fill_id(op, account->marketplace_id, &body.marketplace_id));
    event->body_case = HOLDFAST__ACCOUNTS__V1__ACCOUNTS_EVENT__BODY_USER_JOINED;
    event->user_joined = &body;
    return emit(turn, id, &body.base, event);
}

static struct status linked(struct engine_turn *turn, struct id id,
                            const struct gateway_account *account,
                            Holdfast__Accounts__V1__AccountsEvent *event)
{
    Holdfast__Accounts__V1__AccountLinked body;
    holdfast__accounts__v1__account_linked__init(&body);
    TRY(wire_fill_text(engine_op(turn), account->discord_id, &body.discord_id));
    event->body_case = HOLDFAST__ACCOUNTS__V1__ACCOUNTS_EVENT__BODY_ACCOUNT_LINKED;
    event->account_linked = &body;
    return emit(turn, id, &body.base, event);
}

STATUS gateway_out_account_event(struct engine_turn *turn, const struct engine_message *cause,
                                 enum gateway_account_news news,
                                 const struct gateway_account *account)
{
    struct op *op = engine_op(turn);
    struct id id = engine_next_id(turn);
    Holdfast__Accounts__V1__AccountsEvent event;
    holdfast__accounts__v1__accounts_event__init(&event);
    TRY(wire_meta_fill(op, cause, id, &event.meta));
    TRY(wire_fill_id(op, account->id, &event.user_id));
    event.seq = account->seq;
    switch (news) {
    case GATEWAY_ACCOUNT_JOINED: return joined(turn, id, account, &event);
    case GATEWAY_ACCOUNT_LINKED: return linked(turn, id, account, &event);
    case GATEWAY_ACCOUNT_NEWS_NONE:
    case GATEWAY_ACCOUNT_NEWS_COUNT: break;
    }
    UNREACHABLE("account news");
}
