#pragma once

#include "engine/engine_internal.h"

/* What a lane is taken up with after its owner died (R9). */

/* A claimed lane, whose handlers are set, before its rows are read; then with what is noted of it. */
void engine_probe_blank(const struct engine *engine, struct engine_lane *lane);
void engine_probe_adopt(const struct engine *engine, struct engine_lane *lane,
                        const struct store_rows *rows);
/* While the lane is probed: notes that the item is about to be tried. Not within a transaction. *ret_kills:
 * it was tried too often, and is to be put aside. */
STATUS engine_probe_note(struct engine *engine, const struct engine_item *item, bool *ret_kills);
/* A claimed lane, with what is noted of it: counts how many owners died one after the other, which says how it is taken
 * up. One that we had ourselves and lost track of goes on as it was: whatever happened, it killed nobody. Not within a transaction. */
STATUS engine_probe_claimed(struct engine *engine, struct engine_lane *lane,
                            const struct store_lane *seen);
/* From time to time: where we have lived for long enough, earlier deaths count no more. Not within a transaction. */
STATUS engine_probe_forgive(struct engine *engine);
