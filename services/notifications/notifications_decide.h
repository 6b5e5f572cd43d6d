#pragma once

#include "notifications/notifications.h"
#include "notifications/notifications_discord.h"

/*
 * What happens to a recipient's deliveries. Pure: rows and a moment in, changed rows and the next call
 * out. Always holds: a call is under way (asking) exactly when a delivery waits.
 */

/* The order in which a person is told what waits: what happened first is said first, whenever it came here. */
bool notifications_decide_is_before(const struct delivery *one, const struct delivery *other);

/* A recipient with the deliveries that are open, in that order. */
struct inbox {
    struct recipient recipient;
    uint32_t count;
    struct delivery *deliveries[DELIVERIES_WAITING_MAX];
    bool changed[DELIVERIES_WAITING_MAX];
    bool settled[DELIVERIES_WAITING_MAX]; /* changed, and its state is an end */
};

/* What is to be asked of Discord now. */
struct next_call {
    enum asking asking;
    uint32_t about; /* ASKING_MESSAGE, and whose age counts for ASKING_CHANNEL: of `deliveries` */
};

/* A new delivery: its state is set here, and its n. One that is open is not among those of the inbox yet: the
 * caller adds it, and asks notifications_decide_next when nothing is under way. open_count: of the inbox. */
void notifications_decide_told(struct recipient *recipient, uint32_t open_count,
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

/* From when on a delivery grows old: since it happened, or since somebody can be told. */
int64_t notifications_decide_waits_since_us(const struct delivery *delivery);

/* Takes up what was kept for an account that is known now; settles what is too old or cannot be sent, and keeps of
 * that what will still be worth telling; chooses the next call and sets recipient.asking. Only when nothing is
 * under way. */
struct next_call notifications_decide_next(struct inbox *inbox, int64_t now_us);

/* What a decision must leave behind, and what a loaded row must be. */
bool notifications_decide_is_sound(const struct recipient *recipient);
bool notifications_decide_delivery_is_sound(const struct delivery *delivery);
