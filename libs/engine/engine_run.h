#pragma once

#include "base/defer.h"
#include "engine/engine.h"
#include "kafka/kafka_conf.h"
#include "svc/svc.h"

/*
 * The engine inside a process: ENGINE_THREADS threads, each with its own connection, consumer and
 * producer, from the configuration of svc. Registers the readiness check "engine" (every thread
 * reaches its database, no stopped lane, nothing unpublished for longer than ENGINE_RUN_STALE_MS) and the
 * holdfast_engine_* metrics.
 */

/* Not ready while a record, or a request, waits for Kafka's acknowledgement for longer. */
#define ENGINE_RUN_STALE_MS 10000

struct engine_run;

struct engine_run_options {
    const struct engine_service *service;
    struct caller *caller; /* NULL where the service has no effects; must outlive the run */
    /* effects_set_wake, given by the caller's side so that this library need not know it. */
    void (*set_wake)(struct caller *caller, uint32_t thread, void (*wake)(void *ctx), void *ctx);
};

/* Starts the threads. They connect by themselves and try again while a server is away. op is the
 * boot op of svc: the run lives in its arena. */
STATUS engine_run_open(struct op *op, struct svc *svc, const struct engine_run_options *options,
                       struct engine_run **ret_run);

/* Stops reading, publishes what is committed, hands the lanes over (within SVC_DRAIN_ENGINE_MS), ends the
 * threads. NULL is fine. */
void engine_run_close(struct engine_run *run);
DEFINE_FREE_AT(struct engine_run, engine_run_close)

/* All that a service without calls and without HTTP does: opens its engine, serves, closes it. */
STATUS engine_run_alone(struct op *op, struct svc *svc, const struct engine_service *service);

/* A kafka_log: librdkafka's warnings and errors become lines of ours. */
void engine_run_log_kafka(void *context, int level, struct str facility, struct str text);
