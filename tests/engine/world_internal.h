#pragma once

#include "world.h"

/* What the files of the world share. */

/* Fails the test, with what op.err says. */
void world_must(struct world *world, struct status st);
bool world_real_is_there(void);
