#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/defer.h"
#include "base/op.h"
#include "conf/conf.h"
#include "obs/metrics.h"

/*
 * What every service's main stands on: arguments, configuration, logs, signals, the admin port, and
 * the exit code. Signals are blocked before the first thread and read by svc_serve: the first TERM or
 * INT asks the service to drain, the second ends the process at once. SIGPIPE is ignored.
 *
 * The admin port answers /livez (the process runs; touches nothing else), /readyz (all checks hold
 * and svc_serve waits; ?verbose tells each) and /metrics.
 */

/*
 * From "not ready" to the end of the process: what each part of it may take at most. The sum is less
 * than terminationGracePeriodSeconds (30 s), and each part does with less when nothing hangs.
 */
#define SVC_DRAIN_HTTP_MS 10000  /* requests in flight: the longest deadline of a route */
#define SVC_DRAIN_INTAKE_MS 3000 /* what is queued, and Kafka's acknowledgements */
#define SVC_DRAIN_ENGINE_MS 8000 /* the batch, publishing, the hand-over of lanes */
#define SVC_DRAIN_MS \
    (CONF_READY_LAG_MAX_MS + SVC_DRAIN_HTTP_MS + SVC_DRAIN_INTAKE_MS + SVC_DRAIN_ENGINE_MS)
#define SVC_GRACE_MS 30000
_Static_assert(SVC_DRAIN_MS < SVC_GRACE_MS - 2000, "the end comes before SIGKILL does");
#define SVC_CHECKS_MAX 16
#define SVC_BOOT_ARENA_BYTES ((size_t)8 * 1024 * 1024)

enum svc_exit_code {
    SVC_EXIT_OK = 0,
    SVC_EXIT_FAILED = 1, /* could not start, or met what it cannot act on */
    SVC_EXIT_USAGE = 2,  /* wrong arguments or configuration */
    SVC_EXIT_CODE_COUNT,
};

struct svc_info {
    struct str name; /* "gateway" */
    struct conf_tables conf;
    /* --name prints what `print` gives and ends; NULL: no such option. */
    const char *print_option; /* "--print-routes" */
    struct status (*print)(struct op *op, struct str *ret_text);
    bool admin; /* opens the admin port */
};

struct svc;

/* What a service does between its boot and its end: opens its parts, svc_serve, closes them. op is the
 * boot op: its arena lives as long as the service. STATUS_CANCELED is no failure once it is asked to end. */
typedef struct status svc_run(struct op *op, struct svc *svc);

/*
 * A service's main: reads argv (--check-config, --print-config, --print-config-docs, --version, --help)
 * and the configuration, opens the log and the admin port, blocks the signals, runs, logs the end.
 * Returns an svc_exit_code; mistakes in arguments and configuration are told on standard error. Call it
 * once, before any thread.
 */
int svc_main(const struct svc_info *info, int argc, char **argv, svc_run *run);

const struct conf *svc_conf(const struct svc *svc);
struct metrics *svc_metrics(const struct svc *svc);

/* Cheap and quick: reads an atomic, never asks a database. Called by the admin port's threads. */
typedef bool svc_check(void *ctx);
/* Before svc_serve. name: [a-z_]+. Until svc_free, ctx must live. */
void svc_add_check(struct svc *svc, const char *name, svc_check *check, void *ctx);

/* Says that the service is ready, waits until it is asked to end by a signal or svc_stop, and says that
 * it no longer is. Main thread only. */
void svc_serve(struct svc *svc);
/* Before svc_serve, for what is not there yet: waits so long, or until the service is asked to end; then
 * false. Main thread only. */
bool svc_pause(struct svc *svc, int64_t ms);
/* True once the service is asked to end. From any thread. */
bool svc_stopping(const struct svc *svc);
/* Asks the service to end, as a TERM would, from any thread. failed: with exit code 1. */
void svc_stop(struct svc *svc, bool failed);
/* For an HTTP service, after svc_serve: serves on for READY_LAG_MS, so that balancers notice. */
void svc_ready_lag(const struct svc *svc);

/* The port of the admin listener; 0 without one. */
uint16_t svc_admin_port(const struct svc *svc);
