#pragma once

#include "notifications/notifications.h"
#include "notifications/notifications_discord.h"

/*
 * What happens to a recipient's deliveries. Pure: rows and a moment in, changed rows and the next call
 * out. Always holds: a call is under way (asking) exactly when a delivery waits.
 */

/* The order in which a person is told what waits: what happened first is said first, whenever it came here. */
bool notifications_decide_is_before(const struct delivery *one, const struct delivery *other);

/* A recipient with the deliveries that wait, in that order. */
struct inbox {
    struct recipient recipient;
    uint32_t count;
    struct delivery *waiting[DELIVERIES_WAITING_MAX];
    bool changed[DELIVERIES_WAITING_MAX];
};

/* What is to be asked of Discord now. */
struct next_call {
    enum asking asking;
    uint32_t about; /* ASKING_MESSAGE, and whose age counts for ASKING_CHANNEL: of `waiting` */
};

/* A new delivery: its state is set here, and its n. WAITING: it was not added to `waiting`; when that
 * was empty the caller adds it and asks notifications_decide_next. */
void notifications_decide_told(struct recipient *recipient, uint32_t waiting_count,
                               struct delivery *delivery, int64_t now_us);

/* Where the person is from now on; empty: nowhere. True when that is news. */
bool notifications_decide_linked(struct recipient *recipient, struct str discord_id,
                                 int64_t now_us);

/* Whether the call under way is still about the account that the person is linked to: what is meant for another
 * one is not sent. subject: the effect's. */
bool notifications_decide_still_wanted(const struct recipient *recipient, enum asking asking,
                                       struct id subject);

/* What became of the call under way. subject: the effect's. A message that did not arrive at an account which
 * is not the person's any more waits on, for the one that is; one whose channel was gone, once, for another. */
void notifications_decide_opened(struct inbox *inbox, struct id subject,
                                 const struct discord_fact *fact, int64_t now_us);
void notifications_decide_written(struct inbox *inbox, struct id subject,
                                  const struct discord_fact *fact, int64_t now_us);

/* Settles what is too old or cannot be sent, and chooses the next call; sets recipient.asking. Only
 * when nothing is under way. */
struct next_call notifications_decide_next(struct inbox *inbox, int64_t now_us);

/* What a decision must leave behind, and what a loaded row must be. */
bool notifications_decide_is_sound(const struct recipient *recipient);
bool notifications_decide_delivery_is_sound(const struct delivery *delivery);
