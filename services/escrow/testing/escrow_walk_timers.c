/* Oracle's timers, kept from the records alone. In: what the handlers told oracle. Out: nothing, or a failed test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "escrow/testing/escrow_walk.h"
#include "holdfast/oracle/v1/commands.pb-c.h"
#include "wire/wire.h"

int64_t walk_first_end_us(const struct walk *walk)
{
    int64_t first_us = 0;
    for (uint32_t k = 1; k <= walk->milestone_count; k++) {
        int64_t until_us = walk->milestones[k].until_us;
        bool sooner = until_us > 0 && (first_us == 0 || until_us < first_us);
        first_us = sooner ? until_us : first_us;
    }
    return first_us;
}

struct walk_timer *walk_open_timer(struct walk *walk)
{
    struct walk_timer *found = NULL;
    for (uint32_t i = 0; i < walk->timer_count; i++) {
        if (walk->timers[i].open) {
            assert_null(found); /* one clock runs at a time */
            found = &walk->timers[i];
        }
    }
    return found;
}

/* A higher generation replaces; a cancel names what is open. */
void walk_take_timer(struct walk *walk, const struct fake_record *record)
{
    ProtobufCMessage *message;
    assert_false(status_failed(wire_unpack(&walk->fake->op,
                                           &holdfast__oracle__v1__oracle_command__descriptor,
                                           record->payload, WIRE_BUDGET_BYTES, &message)));
    const Holdfast__Oracle__V1__OracleCommand *command =
        (const Holdfast__Oracle__V1__OracleCommand *)message;
    struct walk_timer *open = walk_open_timer(walk);
    if (command->body_case == HOLDFAST__ORACLE__V1__ORACLE_COMMAND__BODY_CANCEL_TIMER) {
        assert_non_null(open);
        assert_int_equal((int)open->kind, (int)command->cancel_timer->kind);
        assert_int_equal(open->generation, command->cancel_timer->generation);
        open->open = false;
        return;
    }
    const Holdfast__Oracle__V1__SetTimer *set = command->set_timer;
    if (open) {
        assert_int_equal((int)open->kind, (int)set->kind);
        assert_true(open->generation < set->generation);
        open->open = false;
    }
    assert_true(walk->timer_count < WALK_TIMERS_MAX);
    walk->timers[walk->timer_count++] = (struct walk_timer){.kind = (enum escrow_timer)set->kind,
                                                            .generation = set->generation,
                                                            .due_at_us = set->due_at_us,
                                                            .open = true};
}

/* Oracle has open what the row says, and a clock runs exactly where a deal can end by itself. */
void walk_check_clock(struct walk *walk)
{
    const struct escrow *escrow = &walk->fake->rows.escrow;
    const struct walk_timer *open = walk_open_timer(walk);
    enum escrow_timer timer = escrow_timer_of(escrow->state);
    assert_int_equal(open ? open->kind : ESCROW_TIMER_NONE, timer);
    assert_int_equal(open ? open->generation : 0, escrow->deadline_seq);
    assert_int_equal(open ? open->due_at_us : 0, escrow->deadline_at_us);
    if (open) { /* what was told follows from the history and the terms */
        const struct escrow_transition *started = &walk->fake->transitions[open->generation - 1];
        assert_int_equal(escrow_timer_of(started->to_state), timer);
        bool apart = (timer == ESCROW_TIMER_INSPECTION || timer == ESCROW_TIMER_ANSWER) &&
                     walk->milestone_count > 0;
        assert_int_equal(open->due_at_us, apart ? walk_first_end_us(walk)
                                                : started->at_us + escrow_period_us(escrow, timer));
    }
}
