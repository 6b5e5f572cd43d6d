#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "engine/bus.h"

/* A bus in memory for the test of the intake: remembers what is produced, acknowledges when told. */

#define MEMORY_MAX 8192

struct memory_bus {
    struct bus bus;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    enum topic topic;
    bool woken;
    bool acknowledges; /* at once; else when told */
    bool breaks;       /* reports failure instead */
    uint32_t produced_count, reported_count, reset_count;
    struct id produced[MEMORY_MAX];
    int32_t partitions[MEMORY_MAX];
    bool closed;
};

#define MEMORY_PATIENCE_MS 60000

void memory_bus_init(struct memory_bus *self, enum topic topic);
/* From now on deliveries are reported; breaks: as failures, until the producer is reset. */
void memory_bus_acknowledge(struct memory_bus *self, bool breaks);
/* Nothing is reported any more. */
void memory_bus_silence(struct memory_bus *self);
/* Waits until one of its counters has this value; fails the test if it does not get there. */
void memory_bus_await(struct memory_bus *self, const uint32_t *counter, uint32_t wanted);
