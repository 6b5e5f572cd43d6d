/* The cells of deals in milestones: what is said of one of them, what of all, and what is heard when one was given back. */
#include <inttypes.h>
#include <stdio.h>

#include "base/defer.h"
#include "escrow/testing/escrow_table.h"

static void print_of_milestone(struct fixture *fixture, enum escrow_message_kind kind,
                               int64_t number)
{
    char what[32];
    bool release = kind == ESCROW_RELEASE || kind == ESCROW_REJECT_DELIVERY;
    struct escrow_message message = fixture_message(kind);
    message.actor =
        (struct engine_actor){ENGINE_ACTOR_USER, release ? FIXTURE_BUYER : FIXTURE_SELLER};
    message.number = number;
    (void)snprintf(what, sizeof(what), "%s, %" PRId64, release ? "BUYER" : "SELLER", number);
    table_print_cell(fixture, &message, what);
}

static const enum escrow_message_kind of_one[] = {ESCROW_MARK_DELIVERED, ESCROW_RELEASE,
                                                  ESCROW_REFUND, ESCROW_REJECT_DELIVERY};

/* Who may say it of one of them. */
static void print_milestone_roles(struct fixture *fixture)
{
    for (size_t i = 0; i < ARRAY_LEN(of_one); i++) {
        for (size_t r = 0; r < TABLE_ROLES; r++) {
            char what[32];
            struct escrow_message message = fixture_message(of_one[i]);
            message.actor.kind = table_roles[r].kind;
            message.actor.id =
                table_roles[r].id != 0 ? fixture_id(table_roles[r].id) : (struct id){0};
            message.number = 2;
            (void)snprintf(what, sizeof(what), "%s, 2", table_roles[r].name);
            table_print_cell(fixture, &message, what);
        }
    }
}

/* What is said of one milestone, and what ends with all of them. */
static void print_milestones_in(struct fixture *fixture)
{
    static const enum escrow_message_kind of_all[] = {
        ESCROW_RELEASE_PART,
        ESCROW_RAISE_DISPUTE,
        ESCROW_ACCEPT_RETURN,
        ESCROW_WITHDRAW_DISPUTE,
    };

    for (int64_t number = 0; number <= FIXTURE_MILESTONES + 1; number++) {
        for (size_t i = 0; i < ARRAY_LEN(of_one); i++) {
            print_of_milestone(fixture, of_one[i], number);
        }
    }
    print_milestone_roles(fixture);
    for (size_t i = 0; i < ARRAY_LEN(of_all); i++) {
        for (size_t r = 0; r < 2; r++) { /* buyer, seller */
            struct escrow_message message = fixture_message(of_all[i]);
            message.actor.kind = table_roles[r].kind;
            message.actor.id = fixture_id(table_roles[r].id);
            table_print_cell(fixture, &message, table_roles[r].name);
        }
    }
    struct escrow_message message = fixture_message(ESCROW_TIMER_FIRED);
    message.timer = escrow_timer_of(fixture->escrow.state);
    if (message.timer != ESCROW_TIMER_NONE) {
        table_print_cell(fixture, &message, escrow_timer_name(message.timer));
    }
    if (escrow_kept_minor(&fixture->escrow) > FIXTURE_SPLIT_MINOR) {
        fixture_add_offer(fixture, FIXTURE_SELLER);
        message = fixture_message(ESCROW_ACCEPT_SPLIT);
        message.actor = (struct engine_actor){ENGINE_ACTOR_USER, FIXTURE_BUYER};
        table_print_cell(fixture, &message, "BUYER");
    }
}

void table_print_milestones(void)
{
    const struct fee_terms fees = FIXTURE_FEES(/* refundable */ true);
    struct fixture fixture;
    printf("\n## with fees, in three milestones of %d, %d and %d\n", FIXTURE_PART_MINOR,
           FIXTURE_SECOND_MINOR, FIXTURE_THIRD_MINOR);
    for (enum escrow_state state = ESCROW_CREATED; state < ESCROW_STATE_COUNT; state++) {
        fixture_init_with(&fixture, state, &fees);
        fixture_add_milestones(&fixture);
        print_milestones_in(&fixture);
    }
    printf("# two of them delivered\n");
    fixture_init_with(&fixture, ESCROW_DELIVERED, &fees);
    fixture_add_milestones(&fixture);
    fixture.milestone[1].state = ESCROW_MILESTONE_DELIVERED;
    fixture.milestone[1].deadline_at_us = FIXTURE_NOW_US + 1;
    print_milestones_in(&fixture);
    printf("# the first of them delivered, and the second rejected\n");
    fixture_init_with(&fixture, ESCROW_DELIVERED, &fees);
    fixture_add_milestones(&fixture);
    fixture.milestone[1].state = ESCROW_MILESTONE_REJECTED;
    fixture.milestone[1].deadline_at_us = FIXTURE_NOW_US + 1;
    print_milestones_in(&fixture);
    printf("# the first of them rejected, and the second delivered\n");
    fixture_init_with(&fixture, ESCROW_DELIVERED, &fees);
    fixture_add_milestones(&fixture);
    fixture.milestone[0].state = ESCROW_MILESTONE_REJECTED;
    fixture.milestone[1].state = ESCROW_MILESTONE_DELIVERED;
    fixture.milestone[1].deadline_at_us = FIXTURE_NOW_US + 1;
    print_milestones_in(&fixture);
}

/* The first of them was given back: what ends the rest, and what is heard of its refund. */
static void print_returned(enum escrow_state state, enum escrow_part_state part)
{
    struct fixture fixture;
    fixture_init_returned(&fixture, state, part);
    printf("# and the first given back, its refund in state %d\n", (int)part);
    struct escrow_message message = fixture_message(ESCROW_RETRY_PAYOUT);
    table_print_cell(&fixture, &message, "STAFF");
    for (enum escrow_message_kind kind = ESCROW_TRANSFER_SUCCEEDED; kind <= ESCROW_REFUND_FAILED;
         kind++) {
        bool payout = kind == ESCROW_TRANSFER_SUCCEEDED || kind == ESCROW_TRANSFER_FAILED;
        message = fixture_message(kind);
        message.amount_minor =
            payout ? FIXTURE_AFTER_RETURN_NET_MINOR : FIXTURE_AFTER_RETURN_BACK_MINOR;
        table_print_cell(&fixture, &message, "rest's leg");
        message.leg_id = FIXTURE_PART_LEG;
        table_print_cell(&fixture, &message, "part's leg, the rest's");
        message.amount_minor = FIXTURE_RETURN_MINOR;
        table_print_cell(&fixture, &message, "part's leg");
    }
    print_milestones_in(&fixture);
}

void table_print_returned(void)
{
    static const enum escrow_state states[] = {
        ESCROW_PARTIALLY_SETTLED, ESCROW_DELIVERED, ESCROW_DISPUTED,  ESCROW_ESCALATED,
        ESCROW_RELEASING,         ESCROW_RELEASED,  ESCROW_REFUNDING, ESCROW_REFUNDED};

    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        bool ended = escrow_state_is_final(states[i]);
        for (enum escrow_part_state part = ended ? ESCROW_PART_PAID : ESCROW_PART_SENDING;
             part < ESCROW_PART_STATE_COUNT; part++) {
            print_returned(states[i], part);
        }
    }
}
