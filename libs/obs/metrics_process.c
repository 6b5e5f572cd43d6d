#include "obs/metrics_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/defer.h"
#include "obs/log.h"

/* The kernel's numbers about this process, from /proc/self. What cannot be read is left out. */

#define PROC_FILE_MAX_BYTES 2048
/* Fields of /proc/self/stat after the program's name, see proc(5): counted from 0. */
#define STAT_THREADS 17
#define STAT_START_TICKS 19

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
}

/* The file's text in memory of the caller; empty when it cannot be read. */
static struct str read_proc(const char *path, char *memory, size_t size)
{
    DEFER(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, memory, size) : 0;
    return (struct str){.ptr = memory, .len = len > 0 ? (size_t)len : 0};
}

/* The index-th blank-separated number of a text. */
static bool number_at(struct str text, uint32_t index, int64_t *ret_number)
{
    struct str head = text;
    struct str rest = text;
    for (uint32_t i = 0; i <= index; i++) {
        if (!str_cut(rest, ' ', &head, &rest)) {
            head = str_trim(rest);
            rest = STR("");
        }
    }
    return str_to_i64(head, ret_number);
}

static void one(struct metrics_page *page, const char *name, const char *help, int64_t value)
{
    metrics_page_family(page, METRICS_GAUGE, name, help);
    metrics_page_value(page, /* labels */ NULL, 0, value);
}

static void collect_memory(struct metrics_page *page)
{
    char memory[PROC_FILE_MAX_BYTES];
    struct str text = read_proc("/proc/self/statm", memory, sizeof(memory));
    int64_t page_bytes = sysconf(_SC_PAGESIZE);
    int64_t size = 0;
    int64_t resident = 0;
    int64_t shared = 0;
    if (!number_at(text, 0, &size) || !number_at(text, 1, &resident) ||
        !number_at(text, 2, &shared)) {
        return;
    }
    one(page, "process_virtual_memory_bytes", "Virtual memory size in bytes.", size * page_bytes);
    one(page, "process_resident_memory_bytes", "Resident memory size in bytes.",
        resident * page_bytes);
    one(page, "holdfast_anonymous_memory_bytes",
        "Resident memory that belongs to no file, in bytes.", (resident - shared) * page_bytes);
}

static void collect_cpu(struct metrics_page *page)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) {
        return;
    }
    int64_t seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec;
    int64_t us = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    metrics_page_family(page, METRICS_COUNTER, "process_cpu_seconds_total",
                        "Total user and system CPU time spent in seconds.");
    metrics_page_value_us(page, /* labels */ NULL, 0, seconds * 1000000 + us);
}

static void collect_stat(struct metrics_page *page)
{
    char memory[PROC_FILE_MAX_BYTES];
    struct str text = read_proc("/proc/self/stat", memory, sizeof(memory));
    struct str rest = text;
    while (rest.len > 0 && rest.ptr[rest.len - 1] != ')') {
        rest.len--; /* the program's name may hold blanks; its parenthesis is the last one */
    }
    if (rest.len == 0 || rest.len + 2 > text.len) {
        return;
    }
    struct str fields = str_after(text, rest.len + 2);
    int64_t threads = 0;
    int64_t start_ticks = 0;
    int64_t ticks_per_s = sysconf(_SC_CLK_TCK);
    if (ticks_per_s <= 0 || !number_at(fields, STAT_THREADS, &threads) ||
        !number_at(fields, STAT_START_TICKS, &start_ticks)) {
        return;
    }
    one(page, "process_threads", "Number of threads.", threads);
    int64_t age_us = clock_mono_us() - start_ticks * (1000000 / ticks_per_s);
    one(page, "process_start_time_seconds",
        "Start time of the process since unix epoch in seconds.",
        (clock_wall_us() - age_us) / 1000000);
}

static void collect_files(struct metrics_page *page)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir) {
        return;
    }
    int64_t count = -1; /* the one that counts does not count */
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): a directory stream of its own is safe in any thread */
    while (readdir(dir)) {
        count++;
    }
    (void)closedir(dir);
    one(page, "process_open_fds", "Number of open file descriptors.", count - 2 /* . and .. */);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        one(page, "process_max_fds", "Maximum number of open file descriptors.",
            (int64_t)limit.rlim_cur);
    }
}

static int64_t load(const _Atomic uint64_t *value)
{
    return (int64_t)atomic_load_explicit(value, memory_order_relaxed);
}

static void collect_log(struct metrics_page *page)
{
    const struct log_stats *stats = log_stats();
    static const char *const names[LOG_LEVEL_COUNT] = {[LOG_LEVEL_DEBUG] = "debug",
                                                       [LOG_LEVEL_INFO] = "info",
                                                       [LOG_LEVEL_WARN] = "warn",
                                                       [LOG_LEVEL_ERROR] = "error"};
    metrics_page_family(page, METRICS_COUNTER, "holdfast_log_lines_total",
                        "Lines written, by level.");
    for (int i = LOG_LEVEL_DEBUG; i < LOG_LEVEL_COUNT; i++) {
        const struct metrics_label label = {"level", names[i]};
        metrics_page_value(page, &label, 1, load(&stats->lines[i]));
    }
    metrics_page_family(page, METRICS_COUNTER, "holdfast_log_suppressed_total",
                        "Repeated warnings and errors that were only counted.");
    metrics_page_value(page, /* labels */ NULL, 0, load(&stats->suppressed));
    metrics_page_family(page, METRICS_COUNTER, "holdfast_log_dropped_total",
                        "Lines lost because nobody read them.");
    metrics_page_value(page, /* labels */ NULL, 0, load(&stats->dropped));
}

void metrics_process_collect(struct metrics_page *page, void *ctx)
{
    (void)ctx;
    collect_cpu(page);
    collect_memory(page);
    collect_stat(page);
    collect_files(page);
    collect_log(page);
}
