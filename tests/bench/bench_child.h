#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"

/*
 * A process like the service: engine threads over the real store and bus, told what to do through a
 * page of shared memory. With `record` it keeps a tape of its transactions and can play it
 * against another schema.
 */

struct bench_control {
    _Atomic bool go; /* false: the engines stand still (for less than a lease) */
    _Atomic bool stop;
    _Atomic bool begin;  /* with later: takes part from now on */
    _Atomic bool replay; /* play the tapes now */
    _Atomic bool replayed;
    _Atomic bool ready; /* its share of the lanes is held, and shared out evenly */
    _Atomic uint64_t published, batches, decided;
    _Atomic uint64_t awaited; /* so many published end the phase */
    _Atomic int64_t replay_us;
    _Atomic uint64_t transactions;
};

struct bench_child_options {
    struct str database_url;
    struct str replay_url; /* with record: the fresh schema of the replay */
    struct str brokers;
    struct str topic_prefix;
    uint32_t threads;
    uint32_t batch_max;
    uint32_t linger_ms;
    uint32_t processes; /* that share the lanes, this one among them */
    int64_t lease_ms;   /* 0: lanes stay where they are, even while a busy machine stands still */
    bool later;         /* takes no lanes until begin */
    bool record;
};

struct bench_child {
    pid_t pid;
    struct bench_control *control; /* shared */
};

/* Forks. Must be called before this process starts threads of its own that hold locks. */
struct bench_child bench_child_start(const struct bench_child_options *options);
/* Ends this process when the child is gone. */
void bench_child_check(const struct bench_child *child);
/* A millisecond when the phase is about to end, else twenty: looking all the time would take a hundredth of
 * the machine from what is measured. */
void bench_child_pause(const struct bench_control *control);
/* Waits until the lanes are held; then the engines stand still until go. */
void bench_child_wait_ready(const struct bench_child *child);
/* Ends the process and waits for it; ASSERTs that it ended well. */
void bench_child_stop(struct bench_child *child);
/* Kills it, so that it leaves everything as it is. */
void bench_child_kill(struct bench_child *child);
/* User and system time of the process so far. Asked from outside: it costs the one that is measured nothing. */
int64_t bench_child_cpu_us(const struct bench_child *child);
/* Anonymous resident memory of the process, in kB (RssAnon of /proc). */
int64_t bench_child_rss_kb(const struct bench_child *child);
