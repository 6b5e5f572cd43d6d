#pragma once

#include "world.h"

/* What the tests of timers share: accounts of one lane, and their timers. */

#define TIMERS_LANE 3
#define DAY_US (24 * INT64_C(3600000000))

/* The i-th account of the lane. */
struct id timers_account(uint32_t i);
/* Opens the account with 1000, and sets its plain timer for ms after that. */
void timers_set(struct world *world, struct id account, int64_t generation, int64_t ms);
/* NULL: there is none. Valid until the next world_rows. */
const struct timer_row *timers_find(struct world *world, struct id account, int kind);
/* Fails the test when there is none. */
struct timer_row timers_get(struct world *world, struct id account, int kind);
void timers_await(struct world *world, struct id account, int kind);
/* To 10 ms before the moment, in one step of the process: no beat in between tells it of a clock that is set then. */
void timers_wait_until_nearly(struct world *world, struct process *process, int64_t due_at_us);
