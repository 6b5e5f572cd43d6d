#pragma once

#include "obs/metrics.h"

/* metrics_collect: what Prometheus expects of a process (process_*), and what the log counts. */
void metrics_process_collect(struct metrics_page *page, void *ctx);
