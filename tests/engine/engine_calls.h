#pragma once

#include "world.h"

/* What tests of calls to the outside (R12) share. Everything asserts. */

/* The account's effect, the first one; borrowed until the next look at the world's rows. */
const struct effect_row *calls_effect_of(struct world *world, struct id account);
/* Two commands: the account is opened with 1, and calls the outside for amount. */
void calls_open(struct world *world, struct id account, int64_t amount);
/* Runs the world until the outside was asked so many times in all. */
void calls_await(struct world *world, uint32_t calls);
/* What the outside answers to its next calls, in order. count: at most SIM_OUTSIDE_SCRIPT_MAX. */
void calls_script(struct world *world, const enum sim_reply *replies, uint32_t count);
