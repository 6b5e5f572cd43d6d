#pragma once

#include "engine/engine_internal.h"

/* Where in a log to begin. */

struct engine_seek {
    int64_t offset; /* nothing from the wanted number on is before it */
    int64_t first;  /* the log begins with this number; 0: it goes back further, or holds nothing */
};

/* Goes back from the end of a lane-written partition, which lasts as long as it must, until everything with the
 * number first_n or above lies behind. op's arena is emptied again and again. */
STATUS engine_seek_back(struct engine *engine, struct op *op, const struct bus_range *whole,
                        int64_t first_n, struct engine_seek *ret_seek);

/*
 * The lane's position in a topic that it reads is outside the log: Kafka lost the tail, or the topic was made anew,
 * or retention was quicker than we. Reads on where nothing that is there and unknown can be missed: n and the inbox
 * know what comes again, and what does not is a gap (R3), or published again by its intake (R5).
 */
STATUS engine_seek_position(struct engine *engine, struct engine_lane *lane, enum topic topic);
/* The same where we stand at the end of a log (tails: of the service's handlers) and have not met its last number: a
 * tail was written again before we noticed that the first one was lost, or there is a gap. */
STATUS engine_seek_missing(struct engine *engine, struct engine_lane *lane,
                           const struct bus_tail *tails);
