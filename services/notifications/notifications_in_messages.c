/* News to deliveries. */
#include "notifications/notifications_in_messages.h"

#include "notifications/notifications_act.h"
#include "notifications/notifications_text.h"

STATUS notifications_in_messages_decide(struct engine_turn *turn,
                                        const struct engine_message *message)
{
    const struct news *news = message->body;
    struct op *op = engine_op(turn);
    struct inbox *inbox;
    TRY(notifications_act_load(turn, &inbox));
    struct delivery delivery = {
        .id = engine_next_id(turn),
        .user_id = message->key,
        .version = 1,
        .escrow_id = news->escrow_id,
        .seq = news->seq,
        .notice = news->notice,
        .role = news->role,
        .code = STR(""),
        .message_ref = STR(""),
        .happened_at_us = news->happened_at_us,
        .created_at_us = op->now_us,
        .updated_at_us = op->now_us,
    };
    TRY(notifications_text_write(op, news, &delivery.content));
    notifications_decide_told(&inbox->recipient, inbox->count, &delivery, op->now_us);
    TRY(notifications_act_add(turn, inbox, &delivery));
    return notifications_act_keep(turn, inbox);
}
