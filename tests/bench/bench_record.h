#pragma once

#include <pthread.h>
#include <stdint.h>

#include "engine/store.h"

/*
 * The floor: PostgreSQL alone. A store that remembers every transaction of an engine thread (what was
 * loaded, inserted, updated, with which rows), and a replay that sends exactly these statements again, with
 * nothing in between, to a fresh schema over an equal connection.
 */

struct bench_tape;

struct bench_tape *bench_tape_new(void);
void bench_tape_free(struct bench_tape *tape);
uint64_t bench_tape_transactions(const struct bench_tape *tape);
/* What comes now belongs to the next phase: no thread began it before all had ended the last one. */
void bench_tape_phase(struct bench_tape *tape);

/* Wraps inner, which it owns. The tape is borrowed. */
struct store *bench_recorder(struct bench_tape *tape, struct store *inner);

/* Claims the lanes that the tape uses (of owner) and plays the tape; at the beginning of each phase the threads wait for
 * each other, as they did when it was recorded. Times nothing itself. */
STATUS bench_replay_claim(struct op *op, const struct bench_tape *tape, struct store *store,
                          struct id owner);
STATUS bench_replay(struct op *op, struct bench_tape *tape, struct store *store,
                    pthread_barrier_t *phases);
