#pragma once

#include "world.h"

/*
 * A small mixed load and what must come of it: commands, signals told twice, calls to the outside
 * that answer or do not, posts to each other, a message that breaks and others behind it, one that comes before its account,
 * an accepted signal that nobody published. The same seed is the same load.
 */

void inputs_write(struct world *world, uint64_t seed);
/* All is decided, published, answered and closed, but for what waits behind the broken one. */
bool inputs_done(struct world *world, const void *context);
/* The same, or the process that is the context has died. */
bool inputs_done_or_dead(struct world *world, const void *context);
/* Starts a process if none lives, repairs what was broken, waits for the end and checks it all. */
void inputs_finish(struct world *world, uint64_t seed);
