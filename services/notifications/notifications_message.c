/* News to records and back. */
#include "notifications/notifications_message.h"

#include "base/assert.h"
#include "holdfast/notifications/v1/messages.pb-c.h"
#include "notifications/notifications_text.h"
#include "wire/wire.h"

typedef Holdfast__Notifications__V1__NotificationsMessage wire_message;
typedef Holdfast__Notifications__V1__TellUser wire_tell;

/* Their numbers are ours; tests/contract compares the names too. */
_Static_assert((int)NOTICE_PAYMENT_READY ==
                   (int)HOLDFAST__NOTIFICATIONS__V1__NOTICE__NOTICE_PAYMENT_READY,
               "first notice");
_Static_assert((int)NOTICE_SUSPENSE_REFUNDED ==
                   (int)HOLDFAST__NOTIFICATIONS__V1__NOTICE__NOTICE_SUSPENSE_REFUNDED,
               "last notice");
_Static_assert((int)ROLE_ARBITER == (int)HOLDFAST__NOTIFICATIONS__V1__ROLE__ROLE_ARBITER, "roles");

STATUS notifications_message_post(struct engine_turn *turn, struct id user_id,
                                  const struct news *news)
{
    struct op *op = engine_op(turn);
    struct id id = engine_next_id(turn);
    wire_message out;
    wire_tell tell;
    holdfast__notifications__v1__notifications_message__init(&out);
    holdfast__notifications__v1__tell_user__init(&tell);
    TRY(wire_meta_fill(op, engine_cause(turn), id, &out.meta));
    TRY(wire_fill_id(op, user_id, &out.user_id));
    TRY(wire_fill_id(op, news->escrow_id, &tell.escrow_id));
    TRY(wire_fill_text(op, news->currency, &tell.currency));
    TRY(wire_fill_text(op, news->detail, &tell.detail));
    TRY(wire_fill_text(op, news->description, &tell.description));
    tell.seq = news->seq;
    tell.notice = (Holdfast__Notifications__V1__Notice)news->notice;
    tell.role = (Holdfast__Notifications__V1__Role)news->role;
    tell.amount_minor = news->amount_minor;
    tell.happened_at_us = news->happened_at_us;
    out.body_case = HOLDFAST__NOTIFICATIONS__V1__NOTIFICATIONS_MESSAGE__BODY_TELL_USER;
    out.tell_user = &tell;
    struct str payload;
    TRY(wire_pack(op, &out.base, &payload));
    return engine_post(turn, TOPIC_NOTIFICATIONS_MESSAGES_V1, id, wire_type(&tell.base), user_id,
                       payload);
}

static STATUS read_news(struct op *op, const wire_tell *in, struct news *news)
{
    TRY(wire_id(op, "escrow_id", in->escrow_id, &news->escrow_id));
    TRY(wire_text(op, "currency", in->currency, 0, NEWS_CURRENCY_MAX_BYTES, &news->currency));
    TRY(wire_text(op, "detail", in->detail, 0, NEWS_DETAIL_MAX_BYTES, &news->detail));
    TRY(wire_text(op, "description", in->description, 0, NEWS_DESCRIPTION_MAX_BYTES,
                  &news->description));
    news->seq = in->seq;
    news->notice = (enum notice)in->notice;
    news->role = (enum role)in->role;
    news->amount_minor = in->amount_minor;
    news->happened_at_us = in->happened_at_us;
    bool told = news->notice < NOTICE_COUNT && news->role < ROLE_COUNT &&
                notifications_text_is_told(news->notice, news->role);
    return told && news->seq >= 1 && news->happened_at_us >= 0
               ? OK
               : op_fail(op, STATUS_INVALID, "notifications.bad_message", "not one of ours");
}

STATUS notifications_message_decode(struct op *op, const struct bus_record *record,
                                    struct engine_message *ret_message)
{
    ProtobufCMessage *unpacked;
    TRY(wire_unpack(op, &holdfast__notifications__v1__notifications_message__descriptor,
                    record->value, WIRE_BUDGET_BYTES, &unpacked));
    const wire_message *in = (const wire_message *)unpacked;
    struct news *news = arena_new(op->arena, struct news, 1);
    if (!news) {
        return op_arena_full(op);
    }
    TRY(wire_meta_read(op, in->meta, ret_message));
    TRY(wire_id(op, "user_id", in->user_id, &ret_message->key));
    TRY(wire_check_key(op, record, ret_message->key));
    ret_message->body = news;
    if (in->body_case != HOLDFAST__NOTIFICATIONS__V1__NOTIFICATIONS_MESSAGE__BODY_TELL_USER) {
        ret_message->skip = true; /* a newer version of this service posted it */
        ret_message->content = hash_of(record->value);
        return OK;
    }
    TRY(read_news(op, in->tell_user, news));
    return wire_content_of(op, ret_message->key, ret_message->actor, &in->tell_user->base,
                           &ret_message->content);
}
