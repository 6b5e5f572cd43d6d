#include "obs/metrics.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/defer.h"
#include "base/mutex.h"
#include "obs/metrics_process.h"

/*
 * Registered at boot, changed by atomics, shown as Prometheus' text format. All series of a name
 * stand together on the page, whatever the order of registration.
 */

#define US_PER_S 1000000

static const int64_t usual_bounds_us[] = {100,     200,     500,     1000,    2000,   5000,
                                          10000,   20000,   50000,   100000,  200000, 500000,
                                          1000000, 2000000, 5000000, 10000000};
_Static_assert(ARRAY_LEN(usual_bounds_us) <= METRICS_BUCKETS_MAX, "buckets have their place");

struct series {
    struct series *next;
    enum metrics_type type;
    const char *name;
    const char *help;
    struct metrics_label labels[METRICS_LABELS_MAX];
    uint32_t label_count;

    union {
        struct metrics_counter counter;
        struct metrics_gauge gauge;
        struct metrics_histogram histogram;
    };
};

struct collector {
    metrics_collect *collect;
    void *ctx;
};

struct metrics {
    struct arena *arena;
    pthread_mutex_t lock; /* over all below: pages are rendered while parts open and close */
    struct series *first;
    struct series *last;
    uint32_t series_count;
    struct collector collectors[METRICS_COLLECTORS_MAX];
    uint32_t collector_count;
};

struct metrics_page {
    struct strbuf buf;
    const char *family;
};

/* ---- Registering ---- */

static bool is_name(const char *name)
{
    struct str text = str_of(name);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || c == '_';
        bool digit = c >= '0' && c <= '9';
        if (!letter && !(digit && i > 0)) {
            return false;
        }
    }
    return text.len > 0;
}

static bool same_labels(const struct series *series, const struct metrics_label *labels,
                        uint32_t label_count)
{
    if (series->label_count != label_count) {
        return false;
    }
    for (uint32_t i = 0; i < label_count; i++) {
        if (strcmp(series->labels[i].name, labels[i].name) != 0 ||
            strcmp(series->labels[i].value, labels[i].value) != 0) {
            return false;
        }
    }
    return true;
}

static void check_new(const struct metrics *metrics, enum metrics_type type, const char *name,
                      const struct metrics_label *labels, uint32_t label_count)
{
    ASSERT(is_name(name));
    ASSERT(label_count <= METRICS_LABELS_MAX);
    ASSERT(metrics->series_count < METRICS_SERIES_MAX);
    for (uint32_t i = 0; i < label_count; i++) {
        ASSERT(is_name(labels[i].name));
        ASSERT(str_is_text(str_of(labels[i].value)));
    }
    for (const struct series *s = metrics->first; s; s = s->next) {
        if (strcmp(s->name, name) == 0) {
            ASSERT(s->type == type);
            ASSERT(!same_labels(s, labels, label_count));
        }
    }
}

static struct series *add_series(struct metrics *metrics, const struct series *made,
                                 const struct metrics_label *labels)
{
    DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(&metrics->lock);
    check_new(metrics, made->type, made->name, labels, made->label_count);
    struct series *series = arena_new(metrics->arena, struct series, 1);
    ASSERT(series != NULL);
    series->type = made->type;
    series->name = made->name;
    series->help = made->help;
    series->label_count = made->label_count;
    if (made->type == METRICS_HISTOGRAM) {
        series->histogram.bounds = made->histogram.bounds; /* complete before a page shows it */
    }
    for (uint32_t i = 0; i < made->label_count; i++) {
        series->labels[i] = labels[i];
    }
    if (metrics->last) {
        metrics->last->next = series;
    } else {
        metrics->first = series;
    }
    metrics->last = series;
    metrics->series_count++;
    return series;
}

struct metrics_counter *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                                        const struct metrics_label *labels, uint32_t label_count)
{
    struct series made = {
        .type = METRICS_COUNTER, .name = name, .help = help, .label_count = label_count};
    return &add_series(metrics, &made, labels)->counter;
}

struct metrics_gauge *metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                                    const struct metrics_label *labels, uint32_t label_count)
{
    struct series made = {
        .type = METRICS_GAUGE, .name = name, .help = help, .label_count = label_count};
    return &add_series(metrics, &made, labels)->gauge;
}

struct metrics_histogram *metrics_histogram(struct metrics *metrics, const char *name,
                                            const char *help, const struct metrics_label *labels,
                                            uint32_t label_count)
{
    struct series made = {
        .type = METRICS_HISTOGRAM, .name = name, .help = help, .label_count = label_count};
    made.histogram.bounds = (struct metrics_bounds){usual_bounds_us, ARRAY_LEN(usual_bounds_us)};
    return &add_series(metrics, &made, labels)->histogram;
}

struct metrics_histogram *metrics_histogram_within(struct metrics *metrics, const char *name,
                                                   const char *help,
                                                   const struct metrics_bounds *bounds)
{
    ASSERT(bounds->count > 0);
    ASSERT(bounds->count <= METRICS_BUCKETS_MAX);
    struct series made = {.type = METRICS_HISTOGRAM, .name = name, .help = help};
    made.histogram.bounds = *bounds;
    return &add_series(metrics, &made, /* labels */ NULL)->histogram;
}

void metrics_observe_us(struct metrics_histogram *histogram, int64_t took_us)
{
    int64_t took = took_us < 0 ? 0 : took_us;
    uint32_t at = 0;
    while (at < histogram->bounds.count && took > histogram->bounds.us[at]) {
        at++;
    }
    atomic_fetch_add_explicit(&histogram->buckets[at], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->sum_us, (uint64_t)took, memory_order_relaxed);
}

void metrics_collector(struct metrics *metrics, metrics_collect *collect, void *ctx)
{
    if (!metrics) {
        return;
    }
    DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(&metrics->lock);
    ASSERT(metrics->collector_count < METRICS_COLLECTORS_MAX);
    metrics->collectors[metrics->collector_count++] =
        (struct collector){.collect = collect, .ctx = ctx};
}

void metrics_collector_end(struct metrics *metrics, metrics_collect *collect, const void *ctx)
{
    if (!metrics) {
        return;
    }
    DEFER(mutex_unlock_at)
    pthread_mutex_t *held = mutex_lock(&metrics->lock); /* no page is being rendered */
    uint32_t kept = 0;
    for (uint32_t i = 0; i < metrics->collector_count; i++) {
        const struct collector each = metrics->collectors[i];
        if (each.collect != collect || each.ctx != ctx) {
            metrics->collectors[kept++] = each;
        }
    }
    metrics->collector_count = kept;
}

/* ---- The page ---- */

static struct str type_name(enum metrics_type type)
{
    switch (type) {
    case METRICS_COUNTER: return STR("counter");
    case METRICS_GAUGE: return STR("gauge");
    case METRICS_HISTOGRAM: return STR("histogram");
    case METRICS_NONE:
    case METRICS_TYPE_COUNT: break;
    }
    UNREACHABLE("metrics type");
}

void metrics_page_family(struct metrics_page *page, enum metrics_type type, const char *name,
                         const char *help)
{
    ASSERT(is_name(name));
    page->family = name;
    strbuf_addf(&page->buf, "# HELP %s %s\n# TYPE %s " STR_FMT "\n", name, help, name,
                STR_ARG(type_name(type)));
}

static void add_label_value(struct strbuf *buf, struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '"' || c == '\\') {
            strbuf_add_char(buf, '\\');
        }
        if (c == '\n') {
            strbuf_add(buf, STR("\\n"));
        } else {
            strbuf_add_char(buf, c);
        }
    }
}

/* {a="b",le="0.5"}; `le` may be NULL. */
static void add_labels(struct strbuf *buf, const struct metrics_label *labels, uint32_t label_count,
                       const char *le)
{
    if (label_count == 0 && !le) {
        return;
    }
    strbuf_add_char(buf, '{');
    for (uint32_t i = 0; i < label_count; i++) {
        strbuf_addf(buf, "%s%s=\"", i > 0 ? "," : "", labels[i].name);
        add_label_value(buf, str_of(labels[i].value));
        strbuf_add_char(buf, '"');
    }
    if (le) {
        strbuf_addf(buf, "%sle=\"%s\"", label_count > 0 ? "," : "", le);
    }
    strbuf_add_char(buf, '}');
}

/* Microseconds as seconds, without trailing zeros. Not negative. */
static void add_seconds(struct strbuf *buf, uint64_t us)
{
    strbuf_addf(buf, "%" PRIu64, us / US_PER_S);
    uint64_t rest = us % US_PER_S;
    if (rest == 0) {
        return;
    }
    int digits = 6;
    while (rest % 10 == 0) {
        rest /= 10;
        digits--;
    }
    strbuf_addf(buf, ".%0*" PRIu64, digits, rest);
}

void metrics_page_value(struct metrics_page *page, const struct metrics_label *labels,
                        uint32_t label_count, int64_t value)
{
    ASSERT(page->family != NULL);
    strbuf_add(&page->buf, str_of(page->family));
    add_labels(&page->buf, labels, label_count, /* le */ NULL);
    strbuf_addf(&page->buf, " %" PRId64 "\n", value);
}

void metrics_page_one(struct metrics_page *page, enum metrics_type type, const char *name,
                      const char *help, int64_t value)
{
    metrics_page_family(page, type, name, help);
    metrics_page_value(page, /* labels */ NULL, 0, value);
}

void metrics_page_value_us(struct metrics_page *page, const struct metrics_label *labels,
                           uint32_t label_count, int64_t value_us)
{
    ASSERT(page->family != NULL);
    strbuf_add(&page->buf, str_of(page->family));
    add_labels(&page->buf, labels, label_count, /* le */ NULL);
    strbuf_add_char(&page->buf, ' ');
    add_seconds(&page->buf, value_us < 0 ? 0 : (uint64_t)value_us);
    strbuf_add_char(&page->buf, '\n');
}

static void add_bucket(struct strbuf *buf, const struct series *series, const char *le,
                       uint64_t count)
{
    strbuf_addf(buf, "%s_bucket", series->name);
    add_labels(buf, series->labels, series->label_count, le);
    strbuf_addf(buf, " %" PRIu64 "\n", count);
}

/* Read without a lock: the count is what the buckets add up to, so the page agrees with itself. */
static void add_histogram(struct strbuf *buf, struct series *series)
{
    struct metrics_histogram *histogram = &series->histogram;
    uint64_t count = 0;
    for (uint32_t i = 0; i < histogram->bounds.count; i++) {
        char memory[32];
        struct strbuf le;
        struct str text;
        strbuf_init_fixed(&le, memory, sizeof(memory));
        add_seconds(&le, (uint64_t)histogram->bounds.us[i]);
        ASSERT(strbuf_finish(&le, &text));
        count += atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
        add_bucket(buf, series, text.ptr, count);
    }
    count +=
        atomic_load_explicit(&histogram->buckets[histogram->bounds.count], memory_order_relaxed);
    add_bucket(buf, series, "+Inf", count);
    strbuf_addf(buf, "%s_sum", series->name);
    add_labels(buf, series->labels, series->label_count, /* le */ NULL);
    strbuf_add_char(buf, ' ');
    add_seconds(buf, atomic_load_explicit(&histogram->sum_us, memory_order_relaxed));
    strbuf_addf(buf, "\n%s_count", series->name);
    add_labels(buf, series->labels, series->label_count, /* le */ NULL);
    strbuf_addf(buf, " %" PRIu64 "\n", count);
}

static void add_one(struct metrics_page *page, struct series *series)
{
    switch (series->type) {
    case METRICS_COUNTER:
        metrics_page_value(
            page, series->labels, series->label_count,
            (int64_t)atomic_load_explicit(&series->counter.value, memory_order_relaxed));
        return;
    case METRICS_GAUGE:
        metrics_page_value(page, series->labels, series->label_count,
                           atomic_load_explicit(&series->gauge.value, memory_order_relaxed));
        return;
    case METRICS_HISTOGRAM: add_histogram(&page->buf, series); return;
    case METRICS_NONE:
    case METRICS_TYPE_COUNT: break;
    }
    UNREACHABLE("metrics type");
}

static bool is_first_of_family(const struct metrics *metrics, const struct series *series)
{
    const struct series *s = metrics->first;
    while (strcmp(s->name, series->name) != 0) {
        s = s->next;
    }
    return s == series;
}

STATUS metrics_render(struct op *op, struct metrics *metrics, struct str *ret_page)
{
    struct metrics_page page = {.family = NULL};
    strbuf_init(&page.buf, op->arena, METRICS_PAGE_MAX_BYTES);
    DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(&metrics->lock);
    for (struct series *family = metrics->first; family; family = family->next) {
        if (!is_first_of_family(metrics, family)) {
            continue;
        }
        metrics_page_family(&page, family->type, family->name, family->help);
        for (struct series *s = family; s; s = s->next) {
            if (strcmp(s->name, family->name) == 0) {
                add_one(&page, s);
            }
        }
    }
    for (uint32_t i = 0; i < metrics->collector_count; i++) {
        page.family = NULL;
        metrics->collectors[i].collect(&page, metrics->collectors[i].ctx);
    }
    if (!strbuf_finish(&page.buf, ret_page)) {
        return op_fail(op, STATUS_LIMIT, "metrics.page_too_large", "over %zu bytes",
                       METRICS_PAGE_MAX_BYTES);
    }
    return OK;
}

struct metrics *metrics_new(struct op *op, struct str service, struct str version)
{
    struct metrics *metrics = arena_new(op->arena, struct metrics, 1);
    ASSERT(metrics != NULL);
    metrics->arena = op->arena;
    mutex_init(&metrics->lock);
    struct str service_copy = str_dup(op->arena, service);
    struct str version_copy = str_dup(op->arena, version);
    ASSERT(service_copy.ptr != NULL);
    ASSERT(version_copy.ptr != NULL);
    const struct metrics_label labels[] = {{"service", service_copy.ptr},
                                           {"version", version_copy.ptr}};
    metrics_set(metrics_gauge(metrics, "holdfast_build_info", "Which service this is. Always 1.",
                              labels, ARRAY_LEN(labels)),
                1);
    metrics_collector(metrics, metrics_process_collect, /* ctx */ NULL);
    return metrics;
}
