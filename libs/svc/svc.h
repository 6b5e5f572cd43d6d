#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/defer.h"
#include "base/op.h"
#include "conf/conf.h"
#include "obs/metrics.h"

/*
 * What every service's main stands on: arguments, configuration, logs, signals, the admin port, and
 * the exit code. Signals are blocked before the first thread and read by svc_wait: the first TERM or
 * INT asks the service to drain, the second ends the process at once. SIGPIPE is ignored.
 *
 * The admin port answers /livez (the process runs; touches nothing else), /readyz (all checks hold
 * and svc_ready was said; ?verbose tells each) and /metrics.
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

/*
 * Reads argv (--check-config, --print-config, --print-config-docs, --version, --help) and the
 * configuration, opens the log and the admin port, blocks the signals. op is the boot op: its arena
 * must outlive the service. STATUS_CANCELED "svc.printed" when argv asked for a text, which is
 * printed; STATUS_INVALID "svc.arguments" or "conf.invalid" with the mistakes on standard error.
 * Call it once, before any thread.
 */
STATUS svc_open(struct op *op, const struct svc_info *info, int argc, char **argv,
                struct svc **ret_svc);
void svc_free(struct svc *svc);
DEFINE_FREE_AT(struct svc, svc_free)

const struct conf *svc_conf(const struct svc *svc);
struct metrics *svc_metrics(const struct svc *svc);

/* Cheap and quick: reads an atomic, never asks a database. Called by the admin port's threads. */
typedef bool svc_check(void *ctx);
/* Before svc_ready(true). name: [a-z_]+. Until svc_free, ctx must live. */
void svc_add_check(struct svc *svc, const char *name, svc_check *check, void *ctx);

/* The service itself says that it can (or can no longer) do its work. Starts as false. */
void svc_ready(struct svc *svc, bool ready);

/* Returns when a signal came or svc_stop was called; may return for no reason. Main thread only. */
void svc_wait(struct svc *svc);
/* True once the service is asked to end. From any thread. */
bool svc_stopping(const struct svc *svc);
/* Asks the service to end, as a TERM would, from any thread. failed: with exit code 1. */
void svc_stop(struct svc *svc, bool failed);
/* For an HTTP service that said "not ready": serves on for READY_LAG_MS, so that balancers notice. */
void svc_ready_lag(const struct svc *svc);

/* The port of the admin listener; 0 without one. */
uint16_t svc_admin_port(const struct svc *svc);

/* Logs the end and gives main's exit code. svc may be NULL. */
int svc_exit(struct svc *svc, struct op *op, struct status st);
