/* Deliveries: one after the other, in order, each settled once. */
#include "notifications/notifications_decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"
#include "notifications/testing/notifications_rows.h"

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
        fixture->inbox.deliveries[fixture->inbox.count++] = &fixture->deliveries[i];
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
        bool open;
    } rows[] = {
        {"1", 0, 0, DELIVERY_WAITING, true},
        {"1", DELIVERIES_WAITING_MAX - 1, 0, DELIVERY_WAITING, true},
        {"1", DELIVERIES_WAITING_MAX, 0, DELIVERY_DROPPED, false},
        {"1", 0, DELIVERY_AGE_MAX_US, DELIVERY_WAITING, true},
        {"1", 0, DELIVERY_AGE_MAX_US + 1, DELIVERY_EXPIRED, false},
        {"", 0, 0, DELIVERY_NO_CHANNEL, true},
        {"", DELIVERIES_WAITING_MAX - 1, 0, DELIVERY_NO_CHANNEL, true},
        {"", DELIVERIES_WAITING_MAX, 0, DELIVERY_NO_CHANNEL, false},
        {"", 0, DELIVERY_AGE_MAX_US, DELIVERY_NO_CHANNEL, true},
        {"", 0, DELIVERY_AGE_MAX_US + 1, DELIVERY_NO_CHANNEL, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct recipient recipient = recipient_at(rows[i].discord_id, "");
        recipient.told_n = 6;
        struct delivery delivery = delivery_of(1, NOW - rows[i].age_us);
        notifications_decide_told(&recipient, rows[i].waiting, &delivery, NOW);
        assert_int_equal(delivery.state, rows[i].wanted);
        assert_int_equal(delivery.open, rows[i].open);
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

/* ---- What is kept for an account that may become known ---- */

/* Nobody was there, then somebody is: which of two deliveries are sent then. */
static void what_still_stands_is_kept_and_sent(void **state)
{
    (void)state;

    static const struct {
        enum notice notices[2];
        uint8_t deals[2];
        int64_t later_us; /* when the account becomes known */
        bool sent[2];
    } rows[] = {
        {{NOTICE_PAYMENT_READY, NOTICE_FUNDS_HELD}, {1, 1}, 0, {false, true}},
        {{NOTICE_PAYMENT_READY, NOTICE_FUNDS_HELD}, {1, 2}, 0, {true, true}},
        {{NOTICE_FUNDS_HELD, NOTICE_FOREIGN_MONEY}, {1, 1}, 0, {true, true}},
        {{NOTICE_PAYMENT_DECLINED, NOTICE_FUNDS_HELD}, {1, 1}, 0, {false, true}},
        {{NOTICE_FUNDS_HELD, NOTICE_RELEASED}, {1, 1}, DELIVERY_AGE_MAX_US, {false, true}},
        {{NOTICE_FUNDS_HELD, NOTICE_RELEASED}, {1, 1}, DELIVERY_AGE_MAX_US + 1, {false, false}},
        {{NOTICE_FUNDS_HELD, NOTICE_RELEASED}, {1, 2}, DELIVERY_AGE_MAX_US + 1, {true, false}},
        {{NOTICE_PAYMENT_READY, NOTICE_PAYMENT_DECLINED},
         {1, 1},
         DELIVERY_AGE_MAX_US,
         {true, true}},
        {{NOTICE_PAYMENT_READY, NOTICE_PAYMENT_DECLINED},
         {1, 1},
         DELIVERY_AGE_MAX_US + 1,
         {true, false}},
        {{NOTICE_PAYMENT_READY, NOTICE_COUNT}, {1, 1}, DELIVERY_AGE_MAX_US + 1, {true, false}},
        {{NOTICE_DELIVERED, NOTICE_DELIVERED}, {1, 2}, 400 * 24 * HOUR_US, {true, true}},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture *fixture = fixture_of("", "", 2);
        struct inbox *inbox = &fixture->inbox;
        for (uint32_t d = 0; d < 2; d++) {
            fixture->deliveries[d].notice = rows[i].notices[d];
            fixture->deliveries[d].escrow_id = id_of(rows[i].deals[d]);
        }
        assert_int_equal(notifications_decide_next(inbox, NOW).asking, ASKING_NOTHING);
        int64_t later_us = NOW + rows[i].later_us;
        assert_true(notifications_decide_linked(&inbox->recipient, STR("1"), later_us));
        bool some = rows[i].sent[0] || rows[i].sent[1];
        assert_int_equal(notifications_decide_next(inbox, later_us).asking,
                         some ? ASKING_CHANNEL : ASKING_NOTHING);
        for (uint32_t d = 0; d < 2; d++) {
            const struct delivery *delivery = &fixture->deliveries[d];
            assert_int_equal(delivery->state,
                             rows[i].sent[d] ? DELIVERY_WAITING : DELIVERY_NO_CHANNEL);
            assert_int_equal(delivery->open, rows[i].sent[d]);
            assert_int_equal(delivery->taken_up_at_us, rows[i].sent[d] ? later_us : 0);
            assert_true(notifications_decide_delivery_is_sound(delivery));
        }
    }
}

/* Its age counts from when somebody could be told. */
static void what_was_taken_up_grows_old_anew(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_of("", "", 1);
    struct inbox *inbox = &fixture->inbox;
    int64_t known_us = NOW + 2 * DELIVERY_AGE_MAX_US;
    (void)notifications_decide_next(inbox, NOW);
    assert_true(notifications_decide_linked(&inbox->recipient, STR("1"), known_us));
    assert_int_equal(notifications_decide_next(inbox, known_us).asking, ASKING_CHANNEL);
    assert_int_equal(notifications_decide_waits_since_us(&fixture->deliveries[0]), known_us);
    notifications_decide_opened(inbox, notifications_discord_subject(STR("1")), &expired, known_us);
    assert_int_equal(notifications_decide_next(inbox, known_us + DELIVERY_AGE_MAX_US).asking,
                     ASKING_CHANNEL);
    notifications_decide_opened(inbox, notifications_discord_subject(STR("1")), &expired, known_us);
    assert_int_equal(notifications_decide_next(inbox, known_us + DELIVERY_AGE_MAX_US + 1).asking,
                     ASKING_NOTHING);
    assert_int_equal(fixture->deliveries[0].state, DELIVERY_EXPIRED);
}

/* Who never comes must cost little: the last so many deals. */
static void only_the_last_are_kept(void **state)
{
    (void)state;
    static struct delivery deliveries[DELIVERIES_KEPT_MAX + 1];
    struct inbox inbox = {.recipient = recipient_at("", "")};
    for (uint32_t i = 0; i < ARRAY_LEN(deliveries); i++) {
        deliveries[i] = delivery_of((uint8_t)i, NOW + i);
        deliveries[i].escrow_id = id_of((uint8_t)i);
        notifications_decide_told(&inbox.recipient, inbox.count, &deliveries[i], NOW);
        inbox.deliveries[inbox.count++] = &deliveries[i];
    }
    (void)notifications_decide_next(&inbox, NOW);
    for (uint32_t i = 0; i < ARRAY_LEN(deliveries); i++) {
        assert_int_equal(deliveries[i].state, DELIVERY_NO_CHANNEL);
        assert_int_equal(deliveries[i].open, i > 0);
        assert_int_equal(inbox.changed[i], i == 0);
        assert_false(inbox.settled[i]); /* it was counted when it came */
    }
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
        notifications_decide_written(inbox, inbox->deliveries[i]->id, &done, NOW + 1);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_becomes_of_news),
        cmocka_unit_test(what_happened_first_is_said_first),
        cmocka_unit_test(what_a_newer_version_left_is_said),
        cmocka_unit_test(what_still_stands_is_kept_and_sent),
        cmocka_unit_test(what_was_taken_up_grows_old_anew),
        cmocka_unit_test(only_the_last_are_kept),
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
