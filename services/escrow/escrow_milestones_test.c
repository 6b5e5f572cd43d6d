/* What must hold of the rows of milestones, and what a deal's state follows from them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"
#include "escrow/testing/escrow_fixture.h"

static void begin(struct fixture *fixture, enum escrow_state state)
{
    fixture_init_with(fixture, state, &FIXTURE_FEES(true));
    fixture_add_milestones(fixture);
}

static void what_happens_next_is_told(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, ESCROW_DELIVERED);
    assert_int_equal(escrow_state_when_soonest_over(fixture.milestones, 3),
                     ESCROW_PARTIALLY_SETTLED);
    fixture.milestone[1].state = ESCROW_MILESTONE_DELIVERED;
    assert_int_equal(escrow_state_when_soonest_over(fixture.milestones, 3), ESCROW_DELIVERED);
    fixture.milestone[0].state = ESCROW_MILESTONE_REJECTED; /* in the same moment, and the first */
    fixture.milestone[1].deadline_at_us = fixture.milestone[0].deadline_at_us;
    assert_int_equal(escrow_state_when_soonest_over(fixture.milestones, 3), ESCROW_DELIVERED);
    fixture.milestone[1].state = fixture.milestone[2].state = ESCROW_MILESTONE_RELEASED;
    assert_int_equal(escrow_state_when_soonest_over(fixture.milestones, 3), ESCROW_REFUNDING);
    begin(&fixture, ESCROW_DELIVERED);
    fixture.milestone[1].state = fixture.milestone[2].state = ESCROW_MILESTONE_RELEASED;
    assert_int_equal(escrow_state_when_soonest_over(fixture.milestones, 3), ESCROW_RELEASING);
}

#define UNSOUND(in_state, what)                                                                \
    do {                                                                                       \
        begin(&fixture, in_state);                                                             \
        assert_true(escrow_milestones_are_sound(&fixture.escrow, fixture.milestones, 3));      \
        what;                                                                                  \
        assert_false(escrow_milestones_are_sound(&fixture.escrow, fixture.milestones, count)); \
        count = FIXTURE_MILESTONES;                                                            \
    } while (0)

static void rows_that_do_not_fit_are_seen(void **state)
{
    (void)state;
    struct fixture fixture;
    uint32_t count = FIXTURE_MILESTONES;
    struct escrow_milestone *first = &fixture.milestone[0];
    struct escrow_milestone *second = &fixture.milestone[1];
    UNSOUND(ESCROW_FUNDS_HELD, count = 2);
    UNSOUND(ESCROW_FUNDS_HELD, fixture.escrow.milestone_count = 0);
    UNSOUND(ESCROW_FUNDS_HELD, first->number = 2);
    UNSOUND(ESCROW_FUNDS_HELD, first->number = 0);
    UNSOUND(ESCROW_FUNDS_HELD, first->number = 4);
    UNSOUND(ESCROW_FUNDS_HELD, first->version = 0);
    UNSOUND(ESCROW_FUNDS_HELD, first->title.len = 0);
    UNSOUND(ESCROW_FUNDS_HELD, first->title.len = ESCROW_TITLE_MAX_BYTES + 1);
    UNSOUND(ESCROW_FUNDS_HELD, first->price_minor++);
    UNSOUND(ESCROW_FUNDS_HELD, (first->price_minor = 0, second->price_minor = 7500));
    UNSOUND(ESCROW_FUNDS_HELD, first->escrow_id = FIXTURE_STRANGER);
    UNSOUND(ESCROW_FUNDS_HELD, first->state = ESCROW_MILESTONE_NONE);
    UNSOUND(ESCROW_FUNDS_HELD, first->state = ESCROW_MILESTONE_STATE_COUNT);
    UNSOUND(ESCROW_FUNDS_HELD, first->deadline_at_us = 1);
    UNSOUND(ESCROW_FUNDS_HELD, first->deadline_at_us = -1);
    UNSOUND(ESCROW_FUNDS_HELD, first->state = ESCROW_MILESTONE_RELEASED);
    UNSOUND(ESCROW_FUNDS_HELD, first->state = ESCROW_MILESTONE_REFUNDED);
    UNSOUND(ESCROW_FUNDS_HELD,
            (first->state = ESCROW_MILESTONE_DELIVERED, first->deadline_at_us = 1));
    UNSOUND(ESCROW_CREATED, (first->state = ESCROW_MILESTONE_DELIVERED, first->deadline_at_us = 1));
    UNSOUND(ESCROW_EXPIRED, first->state = ESCROW_MILESTONE_REFUNDED);
    UNSOUND(ESCROW_DELIVERED, first->deadline_at_us = 0);
    UNSOUND(ESCROW_DELIVERED, first->deadline_at_us++);
    UNSOUND(ESCROW_DELIVERED, (first->state = ESCROW_MILESTONE_OPEN, first->deadline_at_us = 0));
    UNSOUND(ESCROW_DELIVERED, second->state = ESCROW_MILESTONE_REFUNDED);
    UNSOUND(ESCROW_DELIVERED, second->state = ESCROW_MILESTONE_DIVIDED);
    UNSOUND(ESCROW_PARTIALLY_SETTLED, first->state = ESCROW_MILESTONE_OPEN);
    UNSOUND(ESCROW_PARTIALLY_SETTLED, second->state = ESCROW_MILESTONE_RELEASED);
    UNSOUND(ESCROW_DISPUTED, second->state = ESCROW_MILESTONE_REFUNDED);
    UNSOUND(ESCROW_RELEASED, second->state = ESCROW_MILESTONE_OPEN);
    UNSOUND(ESCROW_REFUNDED, second->state = ESCROW_MILESTONE_OPEN);
    UNSOUND(ESCROW_REFUNDED, second->state = ESCROW_MILESTONE_DIVIDED);
    UNSOUND(ESCROW_SETTLING, second->state = ESCROW_MILESTONE_OPEN);
    UNSOUND(ESCROW_SETTLED_SPLIT, second->state = ESCROW_MILESTONE_REFUNDED);
    UNSOUND(ESCROW_DELIVERED, fixture.escrow.state = ESCROW_DELIVERY_REJECTED);
}

static void a_deal_says_how_many_it_has(void **state)
{
    (void)state;
    struct fixture fixture;
    for (int64_t count = -1; count <= ESCROW_MILESTONES_MAX + 1; count++) {
        begin(&fixture, ESCROW_FUNDS_HELD);
        fixture.escrow.milestone_count = count;
        bool good = count >= ESCROW_MILESTONES_MIN && count <= ESCROW_MILESTONES_MAX;
        assert_int_equal(escrow_is_sound(&fixture.escrow), good);
        fixture.escrow.milestones_hash = (struct hash){.bytes = {0}};
        assert_int_equal(escrow_is_sound(&fixture.escrow), count == 0);
    }
    begin(&fixture, ESCROW_PARTIALLY_SETTLED);
    fixture.escrow.milestone_count = 0;
    fixture.escrow.milestones_hash = (struct hash){.bytes = {0}};
    assert_false(escrow_is_sound(&fixture.escrow));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_happens_next_is_told),
        cmocka_unit_test(rows_that_do_not_fit_are_seen),
        cmocka_unit_test(a_deal_says_how_many_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
