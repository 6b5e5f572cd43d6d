/* Rows in, rows and calls out. */
#include "notifications/notifications_act.h"

#include <stdatomic.h>

#include "base/assert.h"
#include "notifications/notifications_repo.h"

const struct engine_aggregate_kind notifications_act_kind = {
    .table = &notifications_repo_recipient,
    .children = {&notifications_repo_delivery},
};

static _Atomic uint64_t counts[DELIVERY_STATE_COUNT];

uint64_t notifications_act_count(enum delivery_state state)
{
    ASSERT(state < DELIVERY_STATE_COUNT);
    return atomic_load_explicit(&counts[state], memory_order_relaxed);
}

static void count(enum delivery_state state)
{
    atomic_fetch_add_explicit(&counts[state], 1, memory_order_relaxed);
}

/* ---- Loading ---- */

static STATUS make_recipient(struct engine_turn *turn, struct recipient **ret_recipient)
{
    const struct recipient fresh = {
        .user_id = engine_cause(turn)->key,
        .version = 1,
        .discord_id = STR(""),
        .channel_id = STR(""),
        .created_at_us = engine_op(turn)->now_us,
        .updated_at_us = engine_op(turn)->now_us,
    };
    void *row;
    TRY(engine_create(turn, &fresh, &row));
    *ret_recipient = row;
    return OK;
}

/* The rows come in the order of their ids. */
static void insert(struct inbox *inbox, struct delivery *delivery)
{
    ASSERT(inbox->count < DELIVERIES_WAITING_MAX);
    uint32_t at = inbox->count++;
    while (at > 0 && notifications_decide_is_before(delivery, inbox->deliveries[at - 1])) {
        inbox->deliveries[at] = inbox->deliveries[at - 1];
        at--;
    }
    inbox->deliveries[at] = delivery;
}

STATUS notifications_act_load(struct engine_turn *turn, struct inbox **ret_inbox)
{
    struct op *op = engine_op(turn);
    struct recipient *recipient = engine_aggregate(turn);
    if (!recipient) {
        TRY(make_recipient(turn, &recipient));
    }
    struct inbox *inbox = arena_new(op->arena, struct inbox, 1);
    if (!inbox) {
        return op_arena_full(op);
    }
    inbox->recipient = *recipient;
    ASSERT(notifications_decide_is_sound(recipient));
    void *const *rows = NULL;
    uint32_t row_count = engine_children(turn, &notifications_repo_delivery, &rows);
    for (uint32_t i = 0; i < row_count; i++) {
        struct delivery *delivery = rows[i];
        ASSERT(notifications_decide_delivery_is_sound(delivery));
        if (delivery->open) { /* one that this batch has settled is still among them */
            insert(inbox, delivery);
        }
    }
    *ret_inbox = inbox;
    return OK;
}

STATUS notifications_act_add(struct engine_turn *turn, struct inbox *inbox,
                             const struct delivery *delivery)
{
    void *row;
    TRY(engine_child_create(turn, &notifications_repo_delivery, delivery, &row));
    if (delivery->open) {
        insert(inbox, row);
    }
    if (delivery->state != DELIVERY_WAITING) {
        count(delivery->state);
    }
    return OK;
}

/* ---- Keeping ---- */

static STATUS ask(struct engine_turn *turn, const struct inbox *inbox, struct next_call next)
{
    struct op *op = engine_op(turn);
    const struct recipient *recipient = &inbox->recipient;
    const struct delivery *delivery = inbox->deliveries[next.about];
    struct engine_ask out = {.id = engine_next_id(turn),
                             .caused_at_us = notifications_decide_waits_since_us(delivery)};
    if (next.asking == ASKING_CHANNEL) {
        out.kind = DISCORD_CALL_CHANNEL;
        out.subject = notifications_discord_subject(recipient->discord_id);
        TRY(notifications_discord_open(op, recipient->discord_id, &out.request));
    } else {
        out.kind = DISCORD_CALL_MESSAGE;
        out.subject = delivery->id;
        TRY(notifications_discord_write(op, recipient->channel_id, delivery->id, delivery->content,
                                        &out.request));
    }
    return engine_effect(turn, &out);
}

STATUS notifications_act_keep(struct engine_turn *turn, struct inbox *inbox)
{
    struct next_call next = {.asking = ASKING_NOTHING};
    if (inbox->recipient.asking == ASKING_NOTHING) {
        next = notifications_decide_next(inbox, engine_op(turn)->now_us);
    }
    for (uint32_t i = 0; i < inbox->count; i++) {
        if (inbox->changed[i]) {
            inbox->deliveries[i]->version++;
            engine_child_changed(turn, &notifications_repo_delivery, inbox->deliveries[i]);
        }
        if (inbox->settled[i]) {
            count(inbox->deliveries[i]->state);
        }
    }
    ASSERT(notifications_decide_is_sound(&inbox->recipient));
    struct recipient *row = engine_aggregate(turn);
    inbox->recipient.version = row->version + 1;
    *row = inbox->recipient;
    engine_changed(turn);
    return next.asking == ASKING_NOTHING ? OK : ask(turn, inbox, next);
}
