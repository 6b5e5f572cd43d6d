#pragma once

#include "engine/intake.h"
#include "svc/svc.h"

/* The intake inside a process: opened by the configuration of svc, shown by holdfast_intake_*. */

struct intake_run; /* lives in the arena of svc's boot op */

/* source: the service's name; backlog_max_ms: see intake_options. Fails as intake_open does. */
STATUS intake_run_open(struct op *op, struct svc *svc, struct str source, int64_t backlog_max_ms,
                       struct intake_run **ret_run);
/* For intake_submit, until intake_run_close. */
struct intake *intake_run_intake(struct intake_run *run);
/* intake_close within SVC_DRAIN_INTAKE_MS; the metrics are gone before. NULL is fine. */
void intake_run_close(struct intake_run *run);
DEFINE_FREE_AT(struct intake_run, intake_run_close)
