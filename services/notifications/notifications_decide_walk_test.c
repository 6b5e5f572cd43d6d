/* Deliveries: a walk that keeps its own books. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "base/random.h"
#include "notifications/testing/notifications_rows.h"
#include "testing/testing_env.h"

#define WALK_ROUNDS 150
#define WALK_STEPS 400
#define WALK_DEALS 40

struct walk {
    struct random random;
    struct recipient recipient;
    struct delivery rows[WALK_STEPS];
    uint32_t count;
    struct id subject; /* of the call under way */
    int64_t now_us;
};

static struct inbox load(struct walk *walk)
{
    struct inbox inbox = {.recipient = walk->recipient};
    for (uint32_t i = 0; i < walk->count; i++) {
        if (walk->rows[i].open) {
            assert_true(inbox.count < DELIVERIES_WAITING_MAX);
            uint32_t at = inbox.count++;
            while (at > 0 &&
                   notifications_decide_is_before(&walk->rows[i], inbox.deliveries[at - 1])) {
                inbox.deliveries[at] = inbox.deliveries[at - 1];
                at--;
            }
            inbox.deliveries[at] = &walk->rows[i];
        }
    }
    return inbox;
}

static void go_on(struct walk *walk, struct inbox *inbox)
{
    struct next_call next = notifications_decide_next(inbox, walk->now_us);
    walk->recipient = inbox->recipient;
    if (next.asking == ASKING_CHANNEL) {
        walk->subject = notifications_discord_subject(walk->recipient.discord_id);
    } else if (next.asking == ASKING_MESSAGE) {
        walk->subject = inbox->deliveries[next.about]->id;
        for (uint32_t i = 0; i < walk->count; i++) {
            assert_true(walk->rows[i].state != DELIVERY_WAITING ||
                        walk->rows[i].happened_at_us >=
                            inbox->deliveries[next.about]->happened_at_us);
        }
    }
}

static void tell(struct walk *walk)
{
    struct inbox inbox = load(walk);
    struct delivery *row = &walk->rows[walk->count++];
    *row = delivery_of(0, walk->now_us - (int64_t)random_below(&walk->random, 30) * HOUR_US);
    memcpy(row->id.bytes, &walk->count, sizeof(walk->count));
    row->notice = NOTICE_NONE + 1 + (enum notice)random_below(&walk->random, NOTICE_COUNT - 1);
    row->escrow_id = id_of((uint8_t)random_below(&walk->random, WALK_DEALS));
    notifications_decide_told(&inbox.recipient, inbox.count, row, walk->now_us);
    walk->recipient = inbox.recipient;
    if (walk->recipient.asking == ASKING_NOTHING) {
        inbox = load(walk);
        go_on(walk, &inbox);
    }
}

static void answer(struct walk *walk)
{
    static const enum discord_fact_kind kinds[] = {
        DISCORD_FACT_DONE,       DISCORD_FACT_DONE,    DISCORD_FACT_DONE,   DISCORD_FACT_CLOSED,
        DISCORD_FACT_NO_CHANNEL, DISCORD_FACT_REFUSED, DISCORD_FACT_EXPIRED};
    enum discord_fact_kind kind = kinds[random_below(&walk->random, ARRAY_LEN(kinds))];
    struct discord_fact fact = kind == DISCORD_FACT_DONE ? done : refusal(kind);
    struct inbox inbox = load(walk);
    if (kind == DISCORD_FACT_EXPIRED &&
        !notifications_decide_still_wanted(&walk->recipient, walk->recipient.asking,
                                           walk->subject)) {
        fact.kind = DISCORD_FACT_RELINKED;
    }
    if (walk->recipient.asking == ASKING_CHANNEL) {
        notifications_decide_opened(&inbox, walk->subject, &fact, walk->now_us);
    } else {
        notifications_decide_written(&inbox, walk->subject, &fact, walk->now_us);
    }
    go_on(walk, &inbox);
}

static void link_anew(struct walk *walk)
{
    static const char *const users[] = {"", "1", "2"};
    (void)notifications_decide_linked(&walk->recipient,
                                      str_of(users[random_below(&walk->random, ARRAY_LEN(users))]),
                                      walk->now_us);
    struct inbox inbox = load(walk);
    if (walk->recipient.asking == ASKING_NOTHING) {
        go_on(walk, &inbox);
    }
}

/* Kept: nobody is there to be told, and no later word says where the deal stands. */
static void check_kept(const struct walk *walk, const struct delivery *kept)
{
    assert_true(walk->recipient.discord_id.len == 0 || walk->recipient.asking != ASKING_NOTHING);
    for (uint32_t i = 0; i < walk->count && walk->recipient.asking == ASKING_NOTHING; i++) {
        const struct delivery *other = &walk->rows[i];
        bool stands = other->notice == NOTICE_FUNDS_HELD || other->notice == NOTICE_RELEASED;
        assert_false(other->open && stands && id_eq(other->escrow_id, kept->escrow_id) &&
                     notifications_decide_is_before(kept, other));
    }
}

static void check(const struct walk *walk)
{
    uint32_t waiting = 0;
    uint32_t kept = 0;
    assert_true(notifications_decide_is_sound(&walk->recipient));
    for (uint32_t i = 0; i < walk->count; i++) {
        assert_true(notifications_decide_delivery_is_sound(&walk->rows[i]));
        assert_int_equal(walk->rows[i].n, i + 1);
        waiting += walk->rows[i].state == DELIVERY_WAITING ? 1 : 0;
        if (walk->rows[i].state == DELIVERY_NO_CHANNEL && walk->rows[i].open) {
            check_kept(walk, &walk->rows[i]);
            kept++;
        }
    }
    if (walk->recipient.asking == ASKING_NOTHING) {
        assert_in_range(kept, 0, DELIVERIES_KEPT_MAX);
    }
    assert_int_equal(walk->recipient.asking != ASKING_NOTHING, waiting > 0);
    assert_in_range(waiting, 0, DELIVERIES_WAITING_MAX);
}

static void a_walk(void **state)
{
    (void)state;
    bool seen[DELIVERY_STATE_COUNT] = {false};
    static struct walk walk;
    uint64_t seed = testing_env_seed(11);
    for (uint64_t round = 0; round < WALK_ROUNDS; round++) {
        walk = (struct walk){.random = random_seeded(seed + round),
                             .recipient = recipient_at("1", ""),
                             .now_us = NOW};
        uint64_t rate = 1 + random_below(&walk.random, 9); /* how often Discord answers */
        while (walk.count < WALK_STEPS) {
            uint64_t dice = random_below(&walk.random, 100);
            walk.now_us += (int64_t)random_below(&walk.random, 3) * HOUR_US / 40;
            if (dice == 0) {
                link_anew(&walk);
            } else if (dice < 10 * (rate - 1) && walk.recipient.asking != ASKING_NOTHING) {
                answer(&walk);
            } else {
                tell(&walk);
            }
            check(&walk);
        }
        for (uint32_t i = 0; i < walk.count; i++) {
            seen[walk.rows[i].state] = true;
        }
    }
    for (enum delivery_state i = DELIVERY_NONE + 1; i < DELIVERY_STATE_COUNT; i++) {
        if (!seen[i]) {
            fail_msg("none was " STR_FMT, STR_ARG(delivery_state_name(i)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
