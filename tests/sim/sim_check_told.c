/* What people were told: each notice there is, once, by the account that its reader is linked to, in order. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "escrow/escrow_repo.h"
#include "notifications/notifications_decide.h"
#include "notifications/notifications_repo.h"
#include "sim_check_internal.h"
#include "sim_memory.h"

#define NAME_BYTES 64
#define NONCE_BYTES 12
/* So long may it take until all that waited is sent. */
#define SPARE_US (INT64_C(1800) * 1000000)

/* What a message carries for its delivery: the end of its id, in hex. */
static void nonce_of(struct id delivery_id, char ret_nonce[2 * NONCE_BYTES + 1])
{
    struct strbuf buf;
    struct str text;
    strbuf_init_fixed(&buf, ret_nonce, 2 * NONCE_BYTES + 1);
    strbuf_add_hex(&buf, delivery_id.bytes + sizeof(delivery_id.bytes) - NONCE_BYTES, NONCE_BYTES);
    bool fits = strbuf_finish(&buf, &text);
    ASSERT(fits);
}

static struct str reader_of(const struct sim_discord_message *message,
                            char ret_text[CHECK_READER_BYTES])
{
    (void)snprintf(ret_text, CHECK_READER_BYTES, "%" PRIu64, message->recipient);
    return str_of(ret_text);
}

/* ---- As it happens ---- */

static struct id account_of(struct id user_id, struct str discord_id)
{
    return id_v5(user_id, discord_id);
}

static struct check_person *person(struct sim_check *check, struct id user_id)
{
    for (uint32_t i = 0; i < check->person_count; i++) {
        if (id_eq(check->people[i].user_id, user_id)) {
            return &check->people[i];
        }
    }
    check->people = sim_array_room(check->people, check->person_count, &check->person_capacity,
                                   sizeof(*check->people));
    check->people[check->person_count] = (struct check_person){.user_id = user_id};
    return &check->people[check->person_count++];
}

/* Where everybody is now, and was when we looked last. */
static void look_at_people(struct sim_check *check)
{
    uint32_t cursor = 0;
    const struct recipient *recipient;
    while ((recipient = sim_db_next(check->place->dbs[SIM_NOTIFICATIONS],
                                    &notifications_repo_recipient, &cursor))) {
        struct check_person *known = person(check, recipient->user_id);
        memcpy(known->before, known->now, sizeof(known->before));
        if (!str_eq(str_of(known->now), recipient->discord_id)) {
            (void)snprintf(known->now, sizeof(known->now), STR_FMT, STR_ARG(recipient->discord_id));
            sim_index_set(&check->linked, account_of(recipient->user_id, recipient->discord_id), 0);
        }
    }
}

static const struct delivery *delivery_of(const struct sim_check *check,
                                          const struct sim_discord_message *message)
{
    uint8_t nonce[NONCE_BYTES];
    uint32_t cursor = 0;
    const struct delivery *delivery;
    if (!str_from_hex(str_of(message->nonce), nonce, sizeof(nonce))) {
        return NULL;
    }
    while ((delivery = sim_db_next(check->place->dbs[SIM_NOTIFICATIONS],
                                   &notifications_repo_delivery, &cursor))) {
        const uint8_t *end = delivery->id.bytes + sizeof(delivery->id.bytes) - NONCE_BYTES;
        if (memcmp(end, nonce, NONCE_BYTES) == 0) {
            return delivery;
        }
    }
    return NULL;
}

/* Somebody may have been linked anew between the call and our look at it, and not before. */
static void check_said(struct sim_check *check, const struct sim_discord_message *message,
                       struct sim_verdict *verdict)
{
    char text[CHECK_READER_BYTES];
    struct str reader = reader_of(message, text);
    const struct delivery *delivery = delivery_of(check, message);
    if (!delivery) {
        sim_verdict_fail(verdict, SIM_RULE_TOLD_RIGHT, "what %s reads is of no delivery", text);
        return;
    }
    const struct check_person *known = person(check, delivery->user_id);
    if (!str_eq(reader, str_of(known->now)) && !str_eq(reader, str_of(known->before))) {
        sim_verdict_fail(verdict, SIM_RULE_TOLD_RIGHT, "delivery %s went to %s, who is at %s",
                         check_text(delivery->id), text, known->now);
    }
    if (delivery->state != DELIVERY_WAITING) {
        sim_verdict_fail(verdict, SIM_RULE_TOLD_ONCE, "delivery %s was said when it was " STR_FMT,
                         check_text(delivery->id), STR_ARG(delivery_state_name(delivery->state)));
    }
}

void sim_check_said(struct sim_check *check, bool judges, struct sim_verdict *verdict)
{
    look_at_people(check);
    for (; check->said < sim_discord_count(check->discord); check->said++) {
        if (judges) {
            check_said(check, sim_discord_message(check->discord, check->said), verdict);
        }
    }
    check->said_before = judges ? check->said_before : check->said;
}

void sim_check_unheard(struct sim_check *check, enum sim_service service, struct id message_id)
{
    if (service == SIM_NOTIFICATIONS) { /* nobody else leaves out what is of consequence */
        sim_index_set(&check->unheard, message_id, 0);
    }
}

void sim_check_without_discord(struct sim_check *check, bool away)
{
    struct sim_db *db = check->place->dbs[SIM_NOTIFICATIONS];
    uint32_t cursor = 0;
    const struct delivery *delivery;
    check->without_discord = away;
    while (!away && (delivery = sim_db_next(db, &notifications_repo_delivery, &cursor))) {
        int64_t age_us = sim_db_decision_us(db) - notifications_decide_waits_since_us(delivery);
        if (delivery->state == DELIVERY_WAITING && age_us < DELIVERY_AGE_MAX_US - SPARE_US) {
            sim_index_set(&check->awaited, delivery->id, 0);
        }
    }
}

/* ---- In the end ---- */

/* One notice about one event, in one role, is one delivery. */
static void check_delivery_once(struct sim_index *seen, const struct delivery *delivery,
                                struct sim_verdict *verdict)
{
    char name[NAME_BYTES];
    (void)snprintf(name, sizeof(name), "%" PRId64 " %d %d", delivery->seq, (int)delivery->notice,
                   (int)delivery->role);
    struct id notice = id_v5(delivery->escrow_id, str_of(name));
    if (sim_index_get(seen, notice) != SIM_INDEX_NONE) {
        sim_verdict_fail(verdict, SIM_RULE_TOLD_ONCE, "escrow %s: notice %s has two deliveries",
                         check_text(delivery->escrow_id), name);
    }
    sim_index_set(seen, notice, 0);
    if (delivery->state == DELIVERY_WAITING) {
        sim_verdict_fail(verdict, SIM_RULE_TOLD_ONCE, "delivery %s is still waiting",
                         check_text(delivery->id));
    }
}

/* Of those that waited for Discord no more end so than Discord refused. */
static bool was_refused(struct sim_check *check, const struct delivery *delivery)
{
    struct sim_discord_counts counts = sim_discord_counts(check->discord);
    uint64_t refusals = counts.met[SIM_DISCORD_CLOSED] + counts.met[SIM_DISCORD_REFUSED] +
                        counts.met[SIM_DISCORD_CHANNEL_GONE];
    bool final = delivery->state == DELIVERY_CLOSED || delivery->state == DELIVERY_FAILED;
    return final && ++check->awaited_refused <= refusals;
}

/* The messages of one delivery: said again only when Discord had forgotten the first, by time, or with the
 * channel that it was said in. */
static void check_messages(struct sim_check *check, const struct delivery *delivery,
                           struct sim_verdict *verdict)
{
    char nonce[2 * NONCE_BYTES + 1];
    char text[CHECK_READER_BYTES];
    nonce_of(delivery->id, nonce);
    uint32_t found = 0;
    const struct sim_discord_message *last = NULL;
    for (uint32_t i = 0; i < sim_discord_count(check->discord); i++) {
        const struct sim_discord_message *message = sim_discord_message(check->discord, i);
        if (strcmp(message->nonce, nonce) != 0) {
            continue;
        }
        struct id account = account_of(delivery->user_id, reader_of(message, text));
        if (sim_index_get(&check->linked, account) == SIM_INDEX_NONE) {
            sim_verdict_fail(verdict, SIM_RULE_TOLD_RIGHT, "delivery %s was read by %s",
                             check_text(delivery->id), text);
        }
        found++;
        if (last && message->channel == last->channel &&
            message->at_us - last->at_us <= SIM_DISCORD_NONCE_US) {
            sim_verdict_fail(verdict, SIM_RULE_TOLD_ONCE, "delivery %s was said %u times",
                             check_text(delivery->id), found);
        }
        last = message;
    }
    if (delivery->state == DELIVERY_EXPIRED &&
        delivery->updated_at_us - notifications_decide_waits_since_us(delivery) <=
            DELIVERY_AGE_MAX_US) {
        sim_verdict_fail(verdict, SIM_RULE_TOLD_RIGHT, "delivery %s expired too early",
                         check_text(delivery->id));
    }
    bool awaited = sim_index_get(&check->awaited, delivery->id) != SIM_INDEX_NONE;
    if (awaited && delivery->state != DELIVERY_SENT && !was_refused(check, delivery)) {
        sim_verdict_fail(verdict, SIM_RULE_TOLD_RIGHT,
                         "delivery %s waited for Discord and is " STR_FMT, check_text(delivery->id),
                         STR_ARG(delivery_state_name(delivery->state)));
    }
    const struct recipient like = {.user_id = delivery->user_id};
    const struct recipient *recipient =
        sim_db_find(check->place->dbs[SIM_NOTIFICATIONS], &notifications_repo_recipient, &like);
    if (delivery->state == DELIVERY_NO_CHANNEL && delivery->open && recipient &&
        recipient->discord_id.len > 0) {
        sim_verdict_fail(verdict, SIM_RULE_TOLD_RIGHT,
                         "delivery %s is kept, and its reader is there", check_text(delivery->id));
    }
    if (delivery->state == DELIVERY_SENT && found == 0) {
        sim_verdict_fail(verdict, SIM_RULE_TOLD_RIGHT, "delivery %s was never said",
                         check_text(delivery->id));
    }
}

/* ---- Who is to hear of what ---- */

/* Who hears of what happened. */
static const struct {
    bool buyer, seller, arbiter;
} heard[ESCROW_EVENT_COUNT] = {
    [ESCROW_EVENT_AWAIT_FUNDS] = {true, true, false},
    [ESCROW_EVENT_FUNDS_HELD] = {true, true, false},
    [ESCROW_EVENT_DELIVERED] = {true, true, false},
    [ESCROW_EVENT_RELEASE_STARTED] = {true, true, false},
    [ESCROW_EVENT_RELEASED] = {true, true, false},
    [ESCROW_EVENT_PAYOUT_FAILED] = {.seller = true},
    [ESCROW_EVENT_CANCELLED] = {true, true, false},
    [ESCROW_EVENT_REFUND_STARTED] = {true, true, false},
    [ESCROW_EVENT_REFUNDED] = {true, true, false},
    [ESCROW_EVENT_REFUND_FAILED] = {.buyer = true},
    [ESCROW_EVENT_PAYMENT_FAILED] = {.buyer = true},
    [ESCROW_EVENT_FUNDS_SUSPENDED] = {.buyer = true},
    [ESCROW_EVENT_SUSPENSE_REFUNDED] = {.buyer = true},
    [ESCROW_EVENT_EXPIRED] = {true, true, false},
    [ESCROW_EVENT_REJECTED] = {true, true, false},
    [ESCROW_EVENT_DISPUTED] = {true, true, false},
    [ESCROW_EVENT_DISPUTE_WITHDRAWN] = {true, true, true},
    [ESCROW_EVENT_DISPUTE_ESCALATED] = {true, true, true},
    [ESCROW_EVENT_DISPUTE_RESOLVED] = {true, true, true},
    [ESCROW_EVENT_PARTIALLY_RELEASED] = {true, true, false},
    [ESCROW_EVENT_PART_PAID] = {true, true, false},
    [ESCROW_EVENT_PARTIALLY_REFUNDED] = {true, true, false},
    [ESCROW_EVENT_PART_REFUNDED] = {true, true, false},
    [ESCROW_EVENT_SPLIT_PROPOSED] = {true, true, false},
    [ESCROW_EVENT_SPLIT_AGREED] = {true, true, false},
    [ESCROW_EVENT_SPLIT_WITHDRAWN] = {true, true, false},
    [ESCROW_EVENT_EVIDENCE_SUBMITTED] = {true, true, true},
};

static struct id news_name(struct id escrow_id, int64_t seq, enum role role)
{
    char name[NAME_BYTES];
    (void)snprintf(name, sizeof(name), "%" PRId64 " %d", seq, (int)role);
    return id_v5(escrow_id, str_of(name));
}

static struct id party(const struct escrow *escrow, enum role role)
{
    if (role == ROLE_ARBITER) {
        return escrow->arbiter_id;
    }
    return role == ROLE_BUYER ? escrow->buyer_id : escrow->seller_id;
}

static void check_heard(struct sim_check *check, const struct sim_index *told,
                        const struct escrow_transition *transition, enum role role,
                        struct sim_verdict *verdict)
{
    struct sim_db *db = check->place->dbs[SIM_NOTIFICATIONS];
    if (sim_index_get(&check->unheard, transition->id) != SIM_INDEX_NONE) {
        return;
    }
    const struct escrow like = {.id = transition->escrow_id};
    const struct escrow *escrow = sim_db_find(check->place->dbs[SIM_ESCROW], &escrow_table, &like);
    uint32_t at = sim_index_get(told, news_name(transition->escrow_id, transition->seq, role));
    const struct delivery *delivery =
        at == SIM_INDEX_NONE ? NULL : sim_db_row(db, &notifications_repo_delivery, at);
    if (role == ROLE_ARBITER && escrow && id_is_none(escrow->arbiter_id)) {
        return;
    }
    if (!escrow || !delivery || !id_eq(delivery->user_id, party(escrow, role))) {
        sim_verdict_fail(
            verdict, SIM_RULE_TOLD_ALL, "escrow %s seq %" PRId64 ": its " STR_FMT " was not told",
            check_text(transition->escrow_id), transition->seq, STR_ARG(role_name(role)));
    }
}

static void check_all_told(struct sim_check *check, struct sim_verdict *verdict)
{
    struct sim_index told = {.keys = NULL};
    uint32_t cursor = 0;
    const struct delivery *delivery;
    for (uint32_t at = 0; (delivery = sim_db_next(check->place->dbs[SIM_NOTIFICATIONS],
                                                  &notifications_repo_delivery, &cursor));
         at++) {
        sim_index_set(&told, news_name(delivery->escrow_id, delivery->seq, delivery->role), at);
    }
    cursor = 0;
    const struct escrow_transition *row;
    while ((row = sim_db_next(check->place->dbs[SIM_ESCROW], &escrow_transition_table, &cursor))) {
        /* Of an expired deal it is there for those who know only of cancelled ones. */
        bool repeats = row->event == ESCROW_EVENT_CANCELLED && row->to_state == ESCROW_EXPIRED;
        if (heard[row->event].buyer && !repeats) {
            check_heard(check, &told, row, ROLE_BUYER, verdict);
        }
        if (heard[row->event].seller && !repeats) {
            check_heard(check, &told, row, ROLE_SELLER, verdict);
        }
        if (heard[row->event].arbiter) {
            check_heard(check, &told, row, ROLE_ARBITER, verdict);
        }
    }
    sim_index_fini(&told);
}

/* ---- In order ---- */

/* It came to the reader's lane first, and is about what happened first. */
static bool is_told_before(const struct delivery *one, const struct delivery *other)
{
    bool happened = one->happened_at_us < other->happened_at_us ||
                    (one->happened_at_us == other->happened_at_us && one->seq < other->seq);
    return id_eq(one->user_id, other->user_id) && one->n < other->n && happened;
}

/* A repetition of it too comes before all of the other one. Messages that were said before a database was put back
 * are left out. */
static void check_order(const struct sim_check *check, struct sim_verdict *verdict)
{
    uint32_t count = sim_discord_count(check->discord);
    const struct delivery **about = calloc(count + 1, sizeof(const struct delivery *));
    ASSERT(about);
    for (uint32_t i = check->said_before; i < count; i++) {
        about[i] = delivery_of(check, sim_discord_message(check->discord, i));
        for (uint32_t before = check->said_before; about[i] && before < i; before++) {
            if (about[before] && is_told_before(about[i], about[before])) {
                sim_verdict_fail(verdict, SIM_RULE_TOLD_ORDER, "delivery %s was said after %s",
                                 check_text(about[i]->id), check_text(about[before]->id));
            }
        }
    }
    free(about);
}

void check_notices(struct sim_check *check, struct sim_verdict *verdict)
{
    struct sim_db *db = check->place->dbs[SIM_NOTIFICATIONS];
    struct sim_index seen = {.keys = NULL};
    uint32_t cursor = 0;
    const struct delivery *delivery;
    look_at_people(check);
    while ((delivery = sim_db_next(db, &notifications_repo_delivery, &cursor))) {
        check_delivery_once(&seen, delivery, verdict);
        check_messages(check, delivery, verdict);
    }
    sim_index_fini(&seen);
    check_all_told(check, verdict);
    check_order(check, verdict);
}
