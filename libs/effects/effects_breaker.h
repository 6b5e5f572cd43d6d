#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "httpc/httpc.h"

/*
 * Is the other side there at all? While it is not, nobody waits for it thirty seconds at a time, and it is not run
 * over when it comes back: calls wait where they are, and one now and then finds out. It is hard to say yes and no to:
 * bad for ten seconds, good for thirty. Beside that a budget of calls that are made again. Times are
 * clock_mono_ms. Not thread-safe.
 */

enum effects_breaker_state {
    EFFECTS_BREAKER_CLOSED = 0, /* all goes */
    EFFECTS_BREAKER_HALF_OPEN,  /* it answers again: some go, one after the other */
    EFFECTS_BREAKER_OPEN,       /* none goes but a probe */
    EFFECTS_BREAKER_STATE_COUNT,
};

#define EFFECTS_BREAKER_BAD_MS 10000  /* nothing but bad for longer than this opens it, */
#define EFFECTS_BREAKER_BAD_MIN 3     /* told by so many calls at least, */
#define EFFECTS_BREAKER_GAP_MS 60000  /* none of them alone for so long */
#define EFFECTS_BREAKER_GOOD_MS 30000 /* nothing but good for so long closes it */
#define EFFECTS_BREAKER_PROBE_MS 5000 /* between probes, at most; half of it at least */
#define EFFECTS_BREAKER_STEP_MS 200   /* between calls while half open */

/* Calls made again, which may have arrived the first time: a tenth of those that are new, and so many a second besides;
 * saved up for a burst. What is over it comes back at a moment of its own. */
#define EFFECTS_BREAKER_AGAIN_PERCENT 10
#define EFFECTS_BREAKER_AGAIN_PER_SECOND 20
#define EFFECTS_BREAKER_AGAIN_BURST 200
#define EFFECTS_BREAKER_AGAIN_WAIT_MS 30000

struct effects_breaker {
    enum effects_breaker_state state;
    int64_t bad_since_ms; /* with bad_count > 0 */
    int64_t bad_last_ms;
    uint32_t bad_count;
    int64_t good_since_ms; /* HALF_OPEN */
    int64_t next_ms;       /* HALF_OPEN, OPEN: not before this */
    int64_t credit_milli;  /* calls that may be made again, in thousandths */
    int64_t credit_at_ms;
    uint64_t opened; /* times */
    struct random random;
};

void effects_breaker_init(struct effects_breaker *breaker, uint64_t seed, int64_t now_ms);

/* 0: the call may go, and is counted. Otherwise how long to wait before asking again. */
int64_t effects_breaker_ask(struct effects_breaker *breaker, bool again, int64_t now_ms);
/* How many calls may go now. */
uint32_t effects_breaker_room(const struct effects_breaker *breaker, int64_t now_ms);
/*
 * What came of a call that went. Good is any answer but an error of the other side's own. A 500 to a call that was made
 * before says nothing: a provider stores what it answered to a key, a 500 too, and repeats it for a day (Stripe,
 * "Idempotent requests"); some such calls would keep the breaker open for as long. What did not go out for a reason of
 * our own says nothing either.
 */
void effects_breaker_heard(struct effects_breaker *breaker, const struct httpc_answer *answer,
                           bool again, int64_t now_ms);
/* The same, already judged. */
void effects_breaker_told(struct effects_breaker *breaker, bool good, int64_t now_ms);
