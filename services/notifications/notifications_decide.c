/* The life of deliveries. A recipient's are sent one after the other, in the order of what they are about. */
#include "notifications/notifications_decide.h"

#include "base/assert.h"

bool notifications_decide_is_sound(const struct recipient *recipient)
{
    bool reached =
        recipient->discord_id.len == 0 || notifications_discord_is_id(recipient->discord_id);
    bool channel =
        recipient->channel_id.len == 0 ||
        (notifications_discord_is_id(recipient->channel_id) && recipient->discord_id.len > 0);
    return reached && channel && recipient->asking < ASKING_COUNT && recipient->told_n >= 0;
}

bool notifications_decide_delivery_is_sound(const struct delivery *delivery)
{
    /* A newer version may have written it: what is to be said is there, whatever it is about. */
    return delivery->n >= 1 && delivery->notice > NOTICE_NONE && delivery->role > ROLE_NONE &&
           delivery->state > DELIVERY_NONE && delivery->state < DELIVERY_STATE_COUNT &&
           delivery->taken_up_at_us >= 0 &&
           (delivery->open
                ? delivery->state == DELIVERY_WAITING || delivery->state == DELIVERY_NO_CHANNEL
                : delivery->state != DELIVERY_WAITING) &&
           (delivery->message_ref.len > 0) == (delivery->state == DELIVERY_SENT);
}

/* What one batch of a deal decided has one moment. */
bool notifications_decide_is_before(const struct delivery *one, const struct delivery *other)
{
    if (one->happened_at_us != other->happened_at_us) {
        return one->happened_at_us < other->happened_at_us;
    }
    return one->seq != other->seq ? one->seq < other->seq : one->n < other->n;
}

int64_t notifications_decide_waits_since_us(const struct delivery *delivery)
{
    return delivery->taken_up_at_us > 0 ? delivery->taken_up_at_us : delivery->happened_at_us;
}

static bool is_too_old(const struct delivery *delivery, int64_t now_us)
{
    return now_us - notifications_decide_waits_since_us(delivery) > DELIVERY_AGE_MAX_US;
}

void notifications_decide_told(struct recipient *recipient, uint32_t open_count,
                               struct delivery *delivery, int64_t now_us)
{
    delivery->n = ++recipient->told_n;
    recipient->updated_at_us = now_us;
    delivery->state = DELIVERY_WAITING;
    if (recipient->discord_id.len == 0) {
        delivery->state = DELIVERY_NO_CHANNEL;
    } else if (is_too_old(delivery, now_us)) {
        delivery->state = DELIVERY_EXPIRED;
    } else if (open_count >= DELIVERIES_WAITING_MAX) {
        delivery->state = DELIVERY_DROPPED;
    }
    bool may_be_kept = delivery->state == DELIVERY_NO_CHANNEL && !is_too_old(delivery, now_us) &&
                       open_count < DELIVERIES_WAITING_MAX;
    delivery->open = delivery->state == DELIVERY_WAITING || may_be_kept;
    ASSERT(notifications_decide_delivery_is_sound(delivery));
}

bool notifications_decide_linked(struct recipient *recipient, struct str discord_id, int64_t now_us)
{
    if (str_eq(recipient->discord_id, discord_id)) {
        return false;
    }
    recipient->discord_id = discord_id;
    recipient->channel_id = STR(""); /* of another user */
    recipient->updated_at_us = now_us;
    ASSERT(notifications_decide_is_sound(recipient));
    return true;
}

/* ---- Answers ---- */

bool notifications_decide_still_wanted(const struct recipient *recipient, enum asking asking,
                                       struct id subject)
{
    if (asking == ASKING_CHANNEL) {
        return id_eq(subject, notifications_discord_subject(recipient->discord_id));
    }
    return recipient->channel_id.len > 0; /* linking anew forgets it, and nothing else meanwhile */
}

/* Its channel is gone: opened anew for it, once. Its code says that it was. */
static bool is_tried_anew(const struct delivery *delivery, const struct discord_fact *fact)
{
    return fact->kind == DISCORD_FACT_NO_CHANNEL && delivery->code.len == 0;
}

static void try_anew(struct inbox *inbox, uint32_t index, struct str code, int64_t now_us)
{
    struct delivery *delivery = inbox->deliveries[index];
    delivery->code = code;
    delivery->updated_at_us = now_us;
    inbox->changed[index] = true;
}

static void settle(struct inbox *inbox, uint32_t index, enum delivery_state state, struct str code,
                   int64_t now_us)
{
    struct delivery *delivery = inbox->deliveries[index];
    ASSERT(delivery->state == DELIVERY_WAITING);
    delivery->state = state;
    delivery->open = false;
    delivery->code = code;
    delivery->updated_at_us = now_us;
    inbox->changed[index] = true;
    inbox->settled[index] = true;
}

static enum delivery_state state_of(const struct discord_fact *fact)
{
    switch (fact->kind) {
    case DISCORD_FACT_DONE: return DELIVERY_SENT;
    case DISCORD_FACT_CLOSED: return DELIVERY_CLOSED;
    case DISCORD_FACT_NO_CHANNEL:
    case DISCORD_FACT_REFUSED: return DELIVERY_FAILED;
    case DISCORD_FACT_EXPIRED: return DELIVERY_EXPIRED;
    case DISCORD_FACT_NONE:
    case DISCORD_FACT_RELINKED: /* it waits on */
    case DISCORD_FACT_COUNT: break;
    }
    UNREACHABLE("fact");
}

static void answered(struct inbox *inbox, enum asking asking, int64_t now_us)
{
    ASSERT(inbox->recipient.asking == asking);
    inbox->recipient.asking = ASKING_NOTHING;
    inbox->recipient.updated_at_us = now_us;
}

void notifications_decide_opened(struct inbox *inbox, struct id subject,
                                 const struct discord_fact *fact, int64_t now_us)
{
    struct recipient *recipient = &inbox->recipient;
    answered(inbox, ASKING_CHANNEL, now_us);
    if (!notifications_decide_still_wanted(recipient, ASKING_CHANNEL, subject)) {
        return; /* the person was linked to another user meanwhile: that one is asked next */
    }
    if (fact->kind == DISCORD_FACT_DONE) {
        recipient->channel_id = fact->ref;
        return;
    }
    /* Expired has the oldest: the others have their own age. */
    bool asked = fact->kind != DISCORD_FACT_EXPIRED && fact->kind != DISCORD_FACT_RELINKED;
    for (uint32_t i = 0; i < inbox->count && asked; i++) {
        settle(inbox, i, state_of(fact), fact->code, now_us);
    }
}

void notifications_decide_written(struct inbox *inbox, struct id subject,
                                  const struct discord_fact *fact, int64_t now_us)
{
    answered(inbox, ASKING_MESSAGE, now_us);
    bool arrived = fact->kind == DISCORD_FACT_DONE;
    if (!arrived &&
        !notifications_decide_still_wanted(&inbox->recipient, ASKING_MESSAGE, subject)) {
        return; /* the person was linked to another user meanwhile: that one is told next */
    }
    for (uint32_t i = 0; i < inbox->count; i++) {
        struct delivery *delivery = inbox->deliveries[i];
        if (!id_eq(delivery->id, subject)) {
            continue;
        }
        if (is_tried_anew(delivery, fact)) {
            try_anew(inbox, i, fact->code, now_us);
        } else {
            settle(inbox, i, state_of(fact), fact->code, now_us);
            delivery->message_ref = arrived ? fact->ref : STR("");
            ASSERT(notifications_decide_delivery_is_sound(delivery));
        }
    }
    if (fact->kind == DISCORD_FACT_NO_CHANNEL) {
        inbox->recipient.channel_id = STR(""); /* opened anew for what waits */
    }
}

/* ---- What is kept for an account that may become known ---- */

/* What is not here is told beside, and worth it while it is new. */
static const struct {
    bool stands; /* says where the deal stands: what said so before is out of date */
    bool
        lasts; /* worth telling for as long as nothing says otherwise: somebody waits for something */
} tells[NOTICE_COUNT] = {
    [NOTICE_PAYMENT_READY] = {.stands = true, .lasts = true},
    [NOTICE_PAYMENT_SETUP_FAILED] = {.stands = true, .lasts = true},
    [NOTICE_FUNDS_HELD] = {.stands = true, .lasts = true},
    [NOTICE_DELIVERED] = {.stands = true, .lasts = true},
    [NOTICE_REJECTED] = {.stands = true, .lasts = true},
    [NOTICE_DISPUTED] = {.stands = true, .lasts = true},
    [NOTICE_DISPUTE_WITHDRAWN] = {.stands = true, .lasts = true},
    [NOTICE_DISPUTE_ESCALATED] = {.stands = true, .lasts = true},
    [NOTICE_SPLIT_PROPOSED] = {.lasts = true},
    [NOTICE_SPLIT_AGREED] = {.stands = true, .lasts = true},
    [NOTICE_DISPUTE_RESOLVED] = {.stands = true, .lasts = true},
    [NOTICE_EVIDENCE_SUBMITTED] = {.lasts = true},
    [NOTICE_RELEASE_STARTED] = {.stands = true, .lasts = true},
    [NOTICE_PAYOUT_FAILED] = {.stands = true, .lasts = true},
    [NOTICE_REFUND_STARTED] = {.stands = true, .lasts = true},
    [NOTICE_REFUND_FAILED] = {.stands = true, .lasts = true},
    [NOTICE_FOREIGN_MONEY] = {.lasts = true},
    [NOTICE_RELEASED] = {.stands = true},
    [NOTICE_REFUNDED] = {.stands = true},
    [NOTICE_CANCELLED] = {.stands = true},
    [NOTICE_EXPIRED] = {.stands = true},
};

/* A newer version's notices are not in our table. */
static bool stands(const struct delivery *delivery)
{
    return delivery->notice < NOTICE_COUNT && tells[delivery->notice].stands;
}

static bool lasts(const struct delivery *delivery)
{
    return delivery->notice < NOTICE_COUNT && tells[delivery->notice].lasts;
}

static bool is_out_of_date(const struct inbox *inbox, uint32_t index)
{
    for (uint32_t i = index + 1; i < inbox->count; i++) {
        if (stands(inbox->deliveries[i]) &&
            id_eq(inbox->deliveries[i]->escrow_id, inbox->deliveries[index]->escrow_id)) {
            return true;
        }
    }
    return false;
}

static bool is_worth_telling(const struct inbox *inbox, uint32_t index, int64_t now_us)
{
    const struct delivery *delivery = inbox->deliveries[index];
    bool lasting = lasts(delivery) || now_us - delivery->happened_at_us <= DELIVERY_AGE_MAX_US;
    return lasting && !is_out_of_date(inbox, index);
}

/* Nobody can be told. The last of what is worth telling stays open. */
static void keep(struct inbox *inbox, int64_t now_us)
{
    uint32_t kept = 0;
    for (uint32_t i = inbox->count; i-- > 0;) {
        struct delivery *delivery = inbox->deliveries[i];
        if (!delivery->open) {
            continue;
        }
        if (delivery->state == DELIVERY_WAITING) {
            settle(inbox, i, DELIVERY_NO_CHANNEL, STR(""), now_us);
        }
        bool stays = kept < DELIVERIES_KEPT_MAX && is_worth_telling(inbox, i, now_us);
        inbox->changed[i] = inbox->changed[i] || delivery->open != stays;
        delivery->open = stays;
        kept += stays ? 1 : 0;
    }
}

/* Somebody can be told now: what was kept waits its turn. */
static void take_up(struct inbox *inbox, int64_t now_us)
{
    for (uint32_t i = 0; i < inbox->count; i++) {
        struct delivery *delivery = inbox->deliveries[i];
        if (!delivery->open || delivery->state != DELIVERY_NO_CHANNEL) {
            continue;
        }
        delivery->open = is_worth_telling(inbox, i, now_us);
        if (delivery->open) {
            delivery->state = DELIVERY_WAITING;
            delivery->taken_up_at_us = now_us;
            delivery->updated_at_us = now_us;
        }
        inbox->changed[i] = true;
    }
}

/* ---- What comes next ---- */

struct next_call notifications_decide_next(struct inbox *inbox, int64_t now_us)
{
    struct recipient *recipient = &inbox->recipient;
    const struct next_call nothing = {.asking = ASKING_NOTHING};
    ASSERT(recipient->asking == ASKING_NOTHING);
    for (uint32_t i = 0; i < inbox->count; i++) {
        const struct delivery *delivery = inbox->deliveries[i];
        if (delivery->state == DELIVERY_WAITING && is_too_old(delivery, now_us)) {
            settle(inbox, i, DELIVERY_EXPIRED, STR(""), now_us);
        }
    }
    if (recipient->discord_id.len == 0) {
        keep(inbox, now_us);
        return nothing;
    }
    take_up(inbox, now_us);
    for (uint32_t i = 0; i < inbox->count; i++) {
        if (inbox->deliveries[i]->state == DELIVERY_WAITING) {
            recipient->asking = recipient->channel_id.len > 0 ? ASKING_MESSAGE : ASKING_CHANNEL;
            return (struct next_call){.asking = recipient->asking, .about = i};
        }
    }
    return nothing;
}
