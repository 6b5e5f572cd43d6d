/* Deliveries: one after the other, in order, each settled once; and a walk that keeps its own books. */
#include "notifications/notifications_decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "base/random.h"
#include "testing/testing_env.h"

#define NOW INT64_C(1763721600000000)
#define HOUR_US INT64_C(3600000000)
#define WALK_ROUNDS 300
#define WALK_STEPS 400

static struct id id_of(uint8_t last)
{
    return (struct id){.bytes = {[15] = last}};
}

static struct recipient recipient_at(const char *discord_id, const char *channel_id)
{
    return (struct recipient){.user_id = id_of(200),
                              .version = 1,
                              .discord_id = str_of(discord_id),
                              .channel_id = str_of(channel_id),
                              .created_at_us = NOW,
                              .updated_at_us = NOW};
}

static struct delivery delivery_of(uint8_t number, int64_t happened_at_us)
{
    return (struct delivery){.id = id_of(number),
                             .user_id = id_of(200),
                             .version = 1,
                             .escrow_id = id_of(100),
                             .notice = NOTICE_DELIVERED,
                             .role = ROLE_BUYER,
                             .content = STR("x"),
                             .code = STR(""),
                             .message_ref = STR(""),
                             .happened_at_us = happened_at_us,
                             .created_at_us = happened_at_us};
}

static const struct discord_fact done = {
    .kind = DISCORD_FACT_DONE, .ref = {.ptr = "77", .len = 2}, .code = {.ptr = "", .len = 0}};
static const struct discord_fact expired = {
    .kind = DISCORD_FACT_EXPIRED, .ref = {.ptr = "", .len = 0}, .code = {.ptr = "", .len = 0}};

static struct discord_fact refusal(enum discord_fact_kind kind)
{
    return (struct discord_fact){.kind = kind, .ref = STR(""), .code = STR("discord_1")};
}

/* A recipient with `count` deliveries waiting, none under way. */
struct fixture {
    struct inbox inbox;
    struct delivery deliveries[4];
};

static struct fixture *fixture_now(void)
{
    static struct fixture fixture;
    return &fixture;
}

static struct fixture *fixture_of(const char *discord_id, const char *channel_id, uint8_t count)
{
    struct fixture *fixture = fixture_now();
    *fixture = (struct fixture){.inbox = {.recipient = recipient_at(discord_id, channel_id)}};
    for (uint8_t i = 0; i < count; i++) {
        fixture->deliveries[i] = delivery_of((uint8_t)(i + 1), NOW);
        fixture->deliveries[i].n = i + 1;
        fixture->deliveries[i].state = DELIVERY_WAITING;
        fixture->deliveries[i].open = true;
        fixture->inbox.waiting[fixture->inbox.count++] = &fixture->deliveries[i];
    }
    fixture->inbox.recipient.told_n = count;
    return fixture;
}

static void what_becomes_of_news(void **state)
{
    (void)state;

    static const struct {
        const char *discord_id;
        uint32_t waiting;
        int64_t age_us;
        enum delivery_state wanted;
    } rows[] = {
        {"1", 0, 0, DELIVERY_WAITING},
        {"1", DELIVERIES_WAITING_MAX - 1, 0, DELIVERY_WAITING},
        {"1", DELIVERIES_WAITING_MAX, 0, DELIVERY_DROPPED},
        {"1", 0, DELIVERY_AGE_MAX_US, DELIVERY_WAITING},
        {"1", 0, DELIVERY_AGE_MAX_US + 1, DELIVERY_EXPIRED},
        {"", 0, 0, DELIVERY_NO_CHANNEL},
        {"", 0, DELIVERY_AGE_MAX_US + 1, DELIVERY_NO_CHANNEL},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct recipient recipient = recipient_at(rows[i].discord_id, "");
        recipient.told_n = 6;
        struct delivery delivery = delivery_of(1, NOW - rows[i].age_us);
        notifications_decide_told(&recipient, rows[i].waiting, &delivery, NOW);
        assert_int_equal(delivery.state, rows[i].wanted);
        assert_int_equal(delivery.open, rows[i].wanted == DELIVERY_WAITING);
        assert_int_equal(delivery.n, 7);
        assert_int_equal(recipient.told_n, 7);
    }
}

/* A message that a dead process had not given to Kafka comes behind the next one, and is said before it all the same. */
static void what_happened_first_is_said_first(void **state)
{
    (void)state;

    static const struct {
        int64_t at_us[2], seq[2];
        bool first; /* the one that came first is said first */
    } rows[] = {
        {{NOW, NOW}, {1, 1}, true},      {{NOW, NOW}, {1, 2}, true},
        {{NOW, NOW}, {2, 1}, false},     {{NOW, NOW + 1}, {2, 1}, true},
        {{NOW + 1, NOW}, {1, 2}, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct delivery deliveries[2];
        for (uint8_t d = 0; d < 2; d++) {
            deliveries[d] = delivery_of(d, rows[i].at_us[d]);
            deliveries[d].seq = rows[i].seq[d];
            deliveries[d].n = d + 1;
        }
        assert_int_equal(notifications_decide_is_before(&deliveries[0], &deliveries[1]),
                         rows[i].first);
        assert_int_equal(notifications_decide_is_before(&deliveries[1], &deliveries[0]),
                         !rows[i].first);
    }
}

/* Of a kind that only a newer version knows, which this one took over from: it is said as it was written. */
static void what_a_newer_version_left_is_said(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_of("1", "5", 1);
    fixture->deliveries[0].notice = NOTICE_COUNT;
    fixture->deliveries[0].role = ROLE_COUNT;
    assert_true(notifications_decide_delivery_is_sound(&fixture->deliveries[0]));
    assert_int_equal(notifications_decide_next(&fixture->inbox, NOW).asking, ASKING_MESSAGE);
    notifications_decide_written(&fixture->inbox, id_of(1), &done, NOW);
    assert_int_equal(fixture->deliveries[0].state, DELIVERY_SENT);
}

static void a_channel_is_opened_first_and_once(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_of("1", "", 2);
    struct inbox *inbox = &fixture->inbox;
    assert_int_equal(notifications_decide_next(inbox, NOW).asking, ASKING_CHANNEL);
    assert_int_equal(inbox->recipient.asking, ASKING_CHANNEL);
    notifications_decide_opened(inbox, notifications_discord_subject(STR("1")), &done, NOW);
    assert_true(str_eq(inbox->recipient.channel_id, STR("77")));
    for (uint32_t i = 0; i < 2; i++) {
        struct next_call next = notifications_decide_next(inbox, NOW);
        assert_int_equal(next.asking, ASKING_MESSAGE);
        assert_int_equal(next.about, i);
        notifications_decide_written(inbox, inbox->waiting[i]->id, &done, NOW + 1);
        assert_int_equal(fixture->deliveries[i].state, DELIVERY_SENT);
        assert_true(str_eq(fixture->deliveries[i].message_ref, STR("77")));
        assert_int_equal(fixture->deliveries[i].updated_at_us, NOW + 1);
        assert_true(inbox->changed[i]);
    }
    assert_int_equal(notifications_decide_next(inbox, NOW).asking, ASKING_NOTHING);
    assert_int_equal(inbox->recipient.asking, ASKING_NOTHING);
}

static void a_refused_channel_settles_all_that_wait(void **state)
{
    (void)state;

    static const struct {
        enum discord_fact_kind kind;
        enum delivery_state wanted;
    } rows[] = {{DISCORD_FACT_CLOSED, DELIVERY_CLOSED}, {DISCORD_FACT_REFUSED, DELIVERY_FAILED}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture *fixture = fixture_of("1", "", 2);
        struct discord_fact fact = refusal(rows[i].kind);
        (void)notifications_decide_next(&fixture->inbox, NOW);
        notifications_decide_opened(&fixture->inbox, notifications_discord_subject(STR("1")), &fact,
                                    NOW);
        for (uint32_t d = 0; d < 2; d++) {
            assert_int_equal(fixture->deliveries[d].state, rows[i].wanted);
            assert_true(str_eq(fixture->deliveries[d].code, STR("discord_1")));
        }
        assert_int_equal(notifications_decide_next(&fixture->inbox, NOW).asking, ASKING_NOTHING);
    }
}

static void a_closed_door_settles_one_and_is_tried_again_with_the_next(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_of("1", "5", 2);
    struct discord_fact fact = refusal(DISCORD_FACT_CLOSED);
    (void)notifications_decide_next(&fixture->inbox, NOW);
    notifications_decide_written(&fixture->inbox, id_of(1), &fact, NOW);
    assert_int_equal(fixture->deliveries[0].state, DELIVERY_CLOSED);
    assert_int_equal(fixture->deliveries[1].state, DELIVERY_WAITING);
    assert_false(fixture->inbox.changed[1]);
    struct next_call next = notifications_decide_next(&fixture->inbox, NOW);
    assert_int_equal(next.asking, ASKING_MESSAGE);
    assert_int_equal(next.about, 1);
}

static void a_channel_that_is_gone_is_opened_anew(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_of("1", "5", 2);
    struct discord_fact fact = refusal(DISCORD_FACT_NO_CHANNEL);
    (void)notifications_decide_next(&fixture->inbox, NOW);
    notifications_decide_written(&fixture->inbox, id_of(1), &fact, NOW);
    assert_int_equal(fixture->deliveries[0].state, DELIVERY_WAITING);
    assert_true(str_eq(fixture->deliveries[0].code, STR("discord_1")));
    assert_true(fixture->inbox.changed[0]);
    assert_int_equal(notifications_decide_next(&fixture->inbox, NOW).asking, ASKING_CHANNEL);
    notifications_decide_opened(&fixture->inbox, notifications_discord_subject(STR("1")), &done,
                                NOW);
    assert_int_equal(notifications_decide_next(&fixture->inbox, NOW).about, 0);
}

static void a_channel_that_is_gone_is_opened_once_for_a_message(void **state)
{
    static const struct {
        struct discord_fact fact;
        enum delivery_state wanted;
        const char *code;
    } rows[] = {
        {{.kind = DISCORD_FACT_NO_CHANNEL, .code = {.ptr = "gone", .len = 4}},
         DELIVERY_FAILED,
         "gone"},
        {{.kind = DISCORD_FACT_DONE, .ref = {.ptr = "77", .len = 2}}, DELIVERY_SENT, ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        a_channel_that_is_gone_is_opened_anew(state);
        struct fixture *fixture = fixture_now();
        notifications_decide_written(&fixture->inbox, id_of(1), &rows[i].fact, NOW);
        assert_int_equal(fixture->deliveries[0].state, rows[i].wanted);
        assert_true(str_eq(fixture->deliveries[0].code, str_of(rows[i].code)));
        assert_int_equal(fixture->deliveries[1].state, DELIVERY_WAITING);
        assert_int_equal(fixture->deliveries[1].code.len, 0);
        assert_int_equal(notifications_decide_next(&fixture->inbox, NOW).about, 1);
    }
}

static void what_is_too_old_expires_and_the_rest_goes_on(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_of("1", "", 3);
    int64_t later = NOW + DELIVERY_AGE_MAX_US;
    fixture->deliveries[2].happened_at_us = NOW + HOUR_US;
    assert_int_equal(notifications_decide_next(&fixture->inbox, later).about, 0);
    notifications_decide_opened(&fixture->inbox, notifications_discord_subject(STR("1")), &expired,
                                later + 1);
    assert_int_equal(fixture->inbox.recipient.channel_id.len, 0);
    struct next_call next = notifications_decide_next(&fixture->inbox, later + 1);
    assert_int_equal(fixture->deliveries[0].state, DELIVERY_EXPIRED);
    assert_int_equal(fixture->deliveries[1].state, DELIVERY_EXPIRED);
    assert_int_equal(next.asking, ASKING_CHANNEL);
    assert_int_equal(next.about, 2);
    fixture = fixture_of("1", "5", 1);
    (void)notifications_decide_next(&fixture->inbox, NOW);
    notifications_decide_written(&fixture->inbox, id_of(1), &expired, NOW);
    assert_int_equal(fixture->deliveries[0].state, DELIVERY_EXPIRED);
}

/* The answer is about the user whom the person was before: their channel is not this person's. */
static void a_person_that_was_linked_anew_gets_no_channel_of_another(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_of("1", "", 1);
    struct recipient *recipient = &fixture->inbox.recipient;
    (void)notifications_decide_next(&fixture->inbox, NOW);
    assert_false(notifications_decide_linked(recipient, STR("1"), NOW + 1));
    assert_int_equal(recipient->updated_at_us, NOW);
    assert_true(notifications_decide_linked(recipient, STR("2"), NOW + 1));
    assert_int_equal(recipient->asking, ASKING_CHANNEL); /* the call is still under way */
    notifications_decide_opened(&fixture->inbox, notifications_discord_subject(STR("1")), &done,
                                NOW);
    assert_int_equal(recipient->channel_id.len, 0);
    assert_int_equal(fixture->deliveries[0].state, DELIVERY_WAITING);
    assert_int_equal(notifications_decide_next(&fixture->inbox, NOW).asking, ASKING_CHANNEL);
    notifications_decide_opened(&fixture->inbox, notifications_discord_subject(STR("2")), &done,
                                NOW);
    assert_true(str_eq(recipient->channel_id, STR("77")));
    assert_true(notifications_decide_linked(recipient, STR(""), NOW));
    assert_int_equal(recipient->channel_id.len, 0);
    assert_int_equal(notifications_decide_next(&fixture->inbox, NOW).asking, ASKING_NOTHING);
    assert_int_equal(fixture->deliveries[0].state, DELIVERY_NO_CHANNEL);
}

/* What did not arrive at the account of before, whatever became of it there, waits for the one of now. */
static void what_did_not_arrive_before_goes_to_the_new_account(void **state)
{
    (void)state;

    static const enum discord_fact_kind kinds[] = {DISCORD_FACT_RELINKED, DISCORD_FACT_CLOSED,
                                                   DISCORD_FACT_NO_CHANNEL, DISCORD_FACT_REFUSED};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct fixture *fixture = fixture_of("1", "5", 2);
        struct recipient *recipient = &fixture->inbox.recipient;
        struct discord_fact fact = refusal(kinds[i]);
        assert_int_equal(notifications_decide_next(&fixture->inbox, NOW).asking, ASKING_MESSAGE);
        assert_true(notifications_decide_still_wanted(recipient, ASKING_MESSAGE, id_of(1)));
        assert_true(notifications_decide_linked(recipient, STR("2"), NOW));
        assert_false(notifications_decide_still_wanted(recipient, ASKING_MESSAGE, id_of(1)));
        notifications_decide_written(&fixture->inbox, id_of(1), &fact, NOW);
        assert_int_equal(fixture->deliveries[0].state, DELIVERY_WAITING);
        assert_int_equal(notifications_decide_next(&fixture->inbox, NOW).asking, ASKING_CHANNEL);
        assert_true(notifications_decide_still_wanted(recipient, ASKING_CHANNEL,
                                                      notifications_discord_subject(STR("2"))));
        notifications_decide_opened(&fixture->inbox, notifications_discord_subject(STR("2")), &done,
                                    NOW);
        struct next_call next = notifications_decide_next(&fixture->inbox, NOW);
        assert_int_equal(next.asking, ASKING_MESSAGE);
        assert_int_equal(next.about, 0);
    }
}

static void what_did_not_arrive_before_an_unlinking_has_no_channel(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_of("1", "5", 1);
    struct discord_fact fact = refusal(DISCORD_FACT_RELINKED);
    (void)notifications_decide_next(&fixture->inbox, NOW);
    assert_true(notifications_decide_linked(&fixture->inbox.recipient, STR(""), NOW));
    notifications_decide_written(&fixture->inbox, id_of(1), &fact, NOW);
    assert_int_equal(notifications_decide_next(&fixture->inbox, NOW).asking, ASKING_NOTHING);
    assert_int_equal(fixture->deliveries[0].state, DELIVERY_NO_CHANNEL);
}

/* It had arrived before the person was linked anew: that is what is known of it. */
static void what_arrived_before_is_sent(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_of("1", "5", 1);
    (void)notifications_decide_next(&fixture->inbox, NOW);
    (void)notifications_decide_linked(&fixture->inbox.recipient, STR("2"), NOW);
    notifications_decide_written(&fixture->inbox, id_of(1), &done, NOW);
    assert_int_equal(fixture->deliveries[0].state, DELIVERY_SENT);
    assert_int_equal(notifications_decide_next(&fixture->inbox, NOW).asking, ASKING_NOTHING);
}

/* A channel call for an account that is the person's again: nothing was asked, nothing is settled. */
static void a_channel_that_was_not_asked_for_settles_nothing(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_of("1", "", 2);
    struct recipient *recipient = &fixture->inbox.recipient;
    struct id subject = notifications_discord_subject(STR("1"));
    struct discord_fact fact = refusal(DISCORD_FACT_RELINKED);
    (void)notifications_decide_next(&fixture->inbox, NOW);
    assert_true(notifications_decide_linked(recipient, STR("2"), NOW));
    assert_false(notifications_decide_still_wanted(recipient, ASKING_CHANNEL, subject));
    assert_true(notifications_decide_linked(recipient, STR("1"), NOW));
    assert_true(notifications_decide_still_wanted(recipient, ASKING_CHANNEL, subject));
    notifications_decide_opened(&fixture->inbox, subject, &fact, NOW);
    assert_int_equal(fixture->deliveries[0].state, DELIVERY_WAITING);
    assert_int_equal(notifications_decide_next(&fixture->inbox, NOW).asking, ASKING_CHANNEL);
}

/* ---- A walk ---- */

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
                   notifications_decide_is_before(&walk->rows[i], inbox.waiting[at - 1])) {
                inbox.waiting[at] = inbox.waiting[at - 1];
                at--;
            }
            inbox.waiting[at] = &walk->rows[i];
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
        walk->subject = inbox->waiting[next.about]->id;
        for (uint32_t i = 0; i < walk->count; i++) {
            assert_true(!walk->rows[i].open ||
                        walk->rows[i].happened_at_us >= inbox->waiting[next.about]->happened_at_us);
        }
    }
}

static void tell(struct walk *walk)
{
    struct inbox inbox = load(walk);
    struct delivery *row = &walk->rows[walk->count++];
    *row = delivery_of(0, walk->now_us - (int64_t)random_below(&walk->random, 30) * HOUR_US);
    memcpy(row->id.bytes, &walk->count, sizeof(walk->count));
    notifications_decide_told(&inbox.recipient, inbox.count, row, walk->now_us);
    walk->recipient = inbox.recipient;
    if (row->open && inbox.count == 0) {
        inbox.waiting[inbox.count++] = row;
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
}

static void check(const struct walk *walk)
{
    uint32_t waiting = 0;
    assert_true(notifications_decide_is_sound(&walk->recipient));
    for (uint32_t i = 0; i < walk->count; i++) {
        assert_true(notifications_decide_delivery_is_sound(&walk->rows[i]));
        assert_int_equal(walk->rows[i].n, i + 1);
        waiting += walk->rows[i].open ? 1 : 0;
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
        cmocka_unit_test(what_becomes_of_news),
        cmocka_unit_test(what_happened_first_is_said_first),
        cmocka_unit_test(what_a_newer_version_left_is_said),
        cmocka_unit_test(a_channel_is_opened_first_and_once),
        cmocka_unit_test(a_refused_channel_settles_all_that_wait),
        cmocka_unit_test(a_closed_door_settles_one_and_is_tried_again_with_the_next),
        cmocka_unit_test(a_channel_that_is_gone_is_opened_anew),
        cmocka_unit_test(a_channel_that_is_gone_is_opened_once_for_a_message),
        cmocka_unit_test(what_is_too_old_expires_and_the_rest_goes_on),
        cmocka_unit_test(a_person_that_was_linked_anew_gets_no_channel_of_another),
        cmocka_unit_test(what_did_not_arrive_before_goes_to_the_new_account),
        cmocka_unit_test(what_did_not_arrive_before_an_unlinking_has_no_channel),
        cmocka_unit_test(what_arrived_before_is_sent),
        cmocka_unit_test(a_channel_that_was_not_asked_for_settles_nothing),
        cmocka_unit_test(a_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
