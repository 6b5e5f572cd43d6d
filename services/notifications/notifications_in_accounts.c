/* Users and their Discord accounts. What waits for a person goes to where the person is by then. */
#include "notifications/notifications_in_accounts.h"

#include "holdfast/accounts/v1/events.pb-c.h"
#include "notifications/notifications_act.h"
#include "wire/wire.h"

#define CASE(name) HOLDFAST__ACCOUNTS__V1__ACCOUNTS_EVENT__BODY_##name

STATUS notifications_in_accounts_decode(struct op *op, const struct bus_record *record,
                                        struct engine_message *ret_message)
{
    ProtobufCMessage *unpacked;
    TRY(wire_unpack(op, &holdfast__accounts__v1__accounts_event__descriptor, record->value,
                    WIRE_BUDGET_BYTES, &unpacked));
    const Holdfast__Accounts__V1__AccountsEvent *in =
        (const Holdfast__Accounts__V1__AccountsEvent *)unpacked;
    struct str *discord_id = arena_new(op->arena, struct str, 1);
    if (!discord_id) {
        return op_arena_full(op);
    }
    TRY(wire_meta_read(op, in->meta, ret_message));
    TRY(wire_id(op, "user_id", in->user_id, &ret_message->key));
    TRY(wire_check_key(op, record, ret_message->key));
    switch (in->body_case) {
    case CASE(USER_JOINED): *discord_id = str_of(in->user_joined->discord_id); break;
    case CASE(ACCOUNT_LINKED): *discord_id = str_of(in->account_linked->discord_id); break;
    case CASE(_NOT_SET):
    case _HOLDFAST__ACCOUNTS__V1__ACCOUNTS_EVENT__BODY__CASE_IS_INT_SIZE:
        ret_message->skip = true;
        break;
    }
    if (discord_id->len > 0 && !notifications_discord_is_id(*discord_id)) {
        return op_fail(op, STATUS_INVALID, "notifications.bad_discord_id", "%zu bytes",
                       discord_id->len);
    }
    ret_message->creates = in->body_case == CASE(USER_JOINED);
    ret_message->type = (int32_t)in->body_case;
    ret_message->body = discord_id;
    return OK;
}

STATUS notifications_in_accounts_decide(struct engine_turn *turn,
                                        const struct engine_message *message)
{
    const struct str *discord_id = message->body;
    struct inbox *inbox;
    TRY(notifications_act_load(turn, &inbox));
    if (notifications_decide_linked(&inbox->recipient, *discord_id, engine_op(turn)->now_us)) {
        return notifications_act_keep(turn, inbox);
    }
    return OK;
}
