#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/op.h"
#include "base/str.h"

/*
 * Numbers for Prometheus. A series (name and labels) is registered at boot, in the main thread, and
 * gives a pointer to an atomic that any thread may change; so the number of series is bounded and
 * no label ever comes from outside. What others count already is read by collectors. Pages may be
 * rendered at any time meanwhile, by any thread.
 */

#define METRICS_SERIES_MAX 1024
#define METRICS_COLLECTORS_MAX 16
#define METRICS_LABELS_MAX 3
#define METRICS_BUCKETS_MAX 20
#define METRICS_PAGE_MAX_BYTES ((size_t)512 * 1024)

enum metrics_type {
    METRICS_NONE = 0,
    METRICS_COUNTER,
    METRICS_GAUGE,
    METRICS_HISTOGRAM,
    METRICS_TYPE_COUNT,
};

/* Names and values are ours: [a-z_]+ and UTF-8. Borrowed for ever where a series is registered. */
struct metrics_label {
    const char *name;
    const char *value;
};

struct metrics_counter {
    _Atomic uint64_t value;
};

struct metrics_gauge {
    _Atomic int64_t value;
};

/* Rising upper bounds, at most METRICS_BUCKETS_MAX. us: borrowed for ever. */
struct metrics_bounds {
    const int64_t *us;
    uint32_t count;
};

/* Of durations in microseconds; shown in seconds. */
struct metrics_histogram {
    struct metrics_bounds bounds;
    _Atomic uint64_t buckets[METRICS_BUCKETS_MAX + 1]; /* not cumulative; the last is +Inf */
    _Atomic uint64_t sum_us;
};

struct metrics;

/* In op->arena, with process_* and holdfast_build_info. ASSERTs that the arena has room. */
struct metrics *metrics_new(struct op *op, struct str service, struct str version);

/* Name: holdfast_…, or one by which others ask already; for counters …_total, for histograms …_seconds. help: one sentence. Labels:
 * label_count of them, at most METRICS_LABELS_MAX. ASSERT: bad names, the same series twice, too many. */
struct metrics_counter *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                                        const struct metrics_label *labels, uint32_t label_count);
struct metrics_gauge *metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                                    const struct metrics_label *labels, uint32_t label_count);
/* From 100 us to 10 s, three bounds a decade. */
struct metrics_histogram *metrics_histogram(struct metrics *metrics, const char *name,
                                            const char *help, const struct metrics_label *labels,
                                            uint32_t label_count);
/* With bounds of its own, without labels. */
struct metrics_histogram *metrics_histogram_within(struct metrics *metrics, const char *name,
                                                   const char *help,
                                                   const struct metrics_bounds *bounds);

static inline void metrics_add(struct metrics_counter *counter, uint64_t by)
{
    atomic_fetch_add_explicit(&counter->value, by, memory_order_relaxed);
}

static inline void metrics_set(struct metrics_gauge *gauge, int64_t to)
{
    atomic_store_explicit(&gauge->value, to, memory_order_relaxed);
}

static inline void metrics_gauge_add(struct metrics_gauge *gauge, int64_t by)
{
    atomic_fetch_add_explicit(&gauge->value, by, memory_order_relaxed);
}

/* Negative durations count as 0. */
void metrics_observe_us(struct metrics_histogram *histogram, int64_t took_us);

/* ---- Collectors: numbers that somebody else keeps ---- */

struct metrics_page; /* being written */

/* Called for each page, in the admin port's thread. Names must not be registered elsewhere. It may take locks, but none
 * that is held while a series or a collector is registered or ended. */
typedef void metrics_collect(struct metrics_page *page, void *ctx);
/* Whoever is measured does both, from its own options: after the last step of its opening, and before the first of
 * its closing. metrics NULL: nothing is measured, by either. */
void metrics_collector(struct metrics *metrics, metrics_collect *collect, void *ctx);
/* When it returns, collect is not running with this ctx, and never runs with it again: it may be freed. One that was not registered is left alone. */
void metrics_collector_end(struct metrics *metrics, metrics_collect *collect, const void *ctx);

/* A family of one series without labels. COUNTER or GAUGE. */
void metrics_page_one(struct metrics_page *page, enum metrics_type type, const char *name,
                      const char *help, int64_t value);
/* Begins a family; the values that follow are its series. COUNTER or GAUGE. */
void metrics_page_family(struct metrics_page *page, enum metrics_type type, const char *name,
                         const char *help);
void metrics_page_value(struct metrics_page *page, const struct metrics_label *labels,
                        uint32_t label_count, int64_t value);
/* Microseconds, shown in seconds: for families named …_seconds. */
void metrics_page_value_us(struct metrics_page *page, const struct metrics_label *labels,
                           uint32_t label_count, int64_t value_us);

/* The text exposition format 0.0.4, in op->arena. STATUS_LIMIT "metrics.page_too_large". */
STATUS metrics_render(struct op *op, struct metrics *metrics, struct str *ret_page);
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
