/*
 * holdfast-sim: runs seeds, tells what failed with its seed, and what was reached. The log of the
 * services is silent, unless a trace is asked for.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/defer.h"
#include "base/str.h"
#include "obs/log.h"
#include "sim_run.h"

#define SEEDS_FILE_LINE_BYTES 512
#define TOLD_EVERY_US INT64_C(5000000)
#define FAILURES_TOLD 10

enum sim_exit { SIM_EXIT_OK = 0, SIM_EXIT_RED = 1, SIM_EXIT_USAGE = 2 };

struct options {
    int64_t first, last; /* seeds; last is INT64_MAX with seconds alone */
    int64_t seconds;     /* 0: until the last seed */
    const char *file;    /* permanent seeds, run first; NULL: none */
    const char *commit;
    bool trace;
    bool twice; /* each seed again: it must do the same */
    bool reach; /* after the seconds go on, until everything was met that must be */
};

struct total {
    struct sim_reach reach;
    uint64_t seeds, failed, steps, decided, deals, processes;
    int64_t simulated_us;
    uint64_t hash; /* over all seeds, in order */
    int64_t began_us, told_us;
};

/* ---- A seed that ends the program: an assertion of the product's own ---- */

static volatile int64_t current_seed;

static void tell_seed(int number)
{
    char text[] = "\nholdfast-sim: the program ended in seed 00000000000000000000\n";
    int64_t seed = current_seed;
    for (size_t at = sizeof(text) - 3; seed > 0; at--, seed /= 10) {
        text[at] = (char)('0' + seed % 10);
    }
    ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)written;
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

/* ---- Seeds ---- */

static void tell_failure(const struct options *options, const struct sim_outcome *outcome)
{
    char plan[1024];
    sim_plan_tell(&outcome->plan, plan, sizeof(plan));
    (void)printf("FAILED seed %" PRIu64 " (commit %s): %s\n  %s\n  again: ./dev sim --seed %" PRIu64
                 " --trace\n",
                 outcome->plan.seed, options->commit, sim_verdict_line(&outcome->verdict), plan,
                 outcome->plan.seed);
    for (int rule = SIM_RULE_NONE; options->trace && rule < SIM_RULE_COUNT; rule++) {
        if (outcome->verdict.counts[rule] > 0) {
            (void)printf("  %u times: %s\n", outcome->verdict.counts[rule],
                         outcome->verdict.texts[rule]);
        }
    }
    (void)fflush(stdout);
}

static void run_seed(const struct options *options, uint64_t seed, struct total *total)
{
    static struct sim_outcome outcome;
    current_seed = (int64_t)seed;
    sim_run(seed, options->trace, &outcome);
    if (options->twice) {
        uint64_t before = outcome.hash;
        sim_run(seed, false, &outcome);
        if (before != outcome.hash && outcome.verdict.failures == 0) {
            sim_verdict_fail(&outcome.verdict, SIM_RULE_NONE,
                             "the same seed did something else: %016" PRIx64 ", then %016" PRIx64,
                             before, outcome.hash);
        }
    }
    total->seeds++;
    total->hash = (total->hash ^ outcome.hash) * UINT64_C(0x9e3779b97f4a7c15);
    total->steps += outcome.steps;
    total->decided += outcome.decided;
    total->deals += outcome.deals;
    total->processes += outcome.processes;
    total->simulated_us += outcome.simulated_us;
    sim_reach_add(&total->reach, &outcome.reach);
    if (outcome.verdict.failures > 0) {
        total->failed++;
        if (total->failed <= FAILURES_TOLD) {
            tell_failure(options, &outcome);
        }
    }
}

/* "seed  what it caught"; '#' begins a comment. False when a line is of another form. */
static bool run_file(const struct options *options, struct total *total)
{
    FILE *file = fopen(options->file, "r");
    if (!file) {
        (void)fprintf(stderr, "holdfast-sim: cannot read %s\n", options->file);
        return false;
    }
    char line[SEEDS_FILE_LINE_BYTES];
    bool right = true;
    while (right && fgets(line, sizeof(line), file)) {
        if (line[0] == '#' || line[0] == '\n') {
            continue;
        }
        struct str seed = str_of(line);
        struct str rest;
        int64_t value;
        right = str_cut(seed, ' ', &seed, &rest) && str_to_i64(seed, &value) && value > 0;
        if (right) {
            run_seed(options, (uint64_t)value, total);
        } else {
            (void)fprintf(stderr, "holdfast-sim: %s: not a seed: %s", options->file, line);
        }
    }
    (void)fclose(file);
    return right;
}

/* ---- Telling ---- */

/* Steps in a second of this processor's time: what else runs on the machine does not count. */
static uint64_t steps_per_second(const struct total *total)
{
    struct rusage used;
    int failed = getrusage(RUSAGE_SELF, &used);
    ASSERT(failed == 0);
    uint64_t us = (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
                  (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    return total->steps * 1000000 / (us + 1);
}

static void tell_progress(struct total *total)
{
    int64_t now_us = clock_mono_us();
    if (now_us - total->told_us < TOLD_EVERY_US) {
        return;
    }
    total->told_us = now_us;
    int64_t spent_us = now_us - total->began_us;
    (void)printf("  %" PRId64 " s: %" PRIu64 " seeds, %" PRIu64 " steps, %" PRIu64
                 " steps/s of a core, %" PRIu64 " failed\n",
                 spent_us / 1000000, total->seeds, total->steps, steps_per_second(total),
                 total->failed);
    (void)fflush(stdout);
}

static void tell_missing(void *context, const char *what, const char *where)
{
    (void)context;
    (void)printf("  never reached: %s at %s\n", what, where);
}

static void tell_troubles(const struct total *total)
{
    (void)printf("troubles begun, and port calls struck:\n");
    for (int t = SIM_TROUBLE_NONE + 1; t < SIM_TROUBLE_COUNT; t++) {
        uint64_t struck = 0;
        uint32_t kinds = 0;
        for (int s = 0; s < SIM_STEP_COUNT; s++) {
            struck += total->reach.counts[t][s];
            kinds += total->reach.counts[t][s] > 0 ? 1 : 0;
        }
        if (total->reach.begun[t] > 0 || struck > 0) {
            (void)printf("  %-14s %10" PRIu64 " %12" PRIu64 " of %u kinds\n",
                         sim_trouble_name((enum sim_trouble)t), total->reach.begun[t], struck,
                         kinds);
        }
    }
}

/* The last line counts one test: passed or failed. */
static bool verdict(const struct total *total)
{
    int64_t spent_us = clock_mono_us() - total->began_us;
    tell_troubles(total);
    struct sim_reach_told told = sim_reach_missing(&total->reach, total->seeds, tell_missing, NULL);
    bool right = total->failed == 0 && told.missing == 0 && total->seeds > 0;
    if (told.unasked > 0) {
        (void)printf("%" PRIu64 " seeds are too few to ask whether %u things were reached; %d are "
                     "enough for all\n",
                     total->seeds, told.unasked, SIM_REACH_SEEDS);
    }
    (void)printf("%" PRIu64 " seeds, %" PRIu64 " deals, %" PRIu64 " records decided, %" PRIu64
                 " processes, %" PRId64 " h simulated in %" PRId64 " s\n",
                 total->seeds, total->deals, total->decided, total->processes,
                 total->simulated_us / INT64_C(3600000000), spent_us / 1000000);
    (void)printf("%" PRIu64 " steps, %" PRIu64 " steps/s of a core, hash %016" PRIx64 ", %" PRIu64
                 " seeds failed, %u things not reached\n",
                 total->steps, steps_per_second(total), total->hash, total->failed, told.missing);
    (void)printf("%s\n", right ? "1 passed, 0 failed" : "0 passed, 1 failed");
    return right;
}

/* ---- Options ---- */

static int usage(void)
{
    (void)fprintf(stderr, "usage: holdfast-sim --seed N [--trace] | --seeds A..B | --seconds S "
                          "[--from N] [--reach] [--file SEEDS] [--commit ID] [--twice]\n");
    return SIM_EXIT_USAGE;
}

static bool read_range(const char *text, struct options *options)
{
    struct str first;
    struct str rest;
    return str_cut(str_of(text), '.', &first, &rest) && rest.len > 1 && rest.ptr[0] == '.' &&
           str_to_i64(first, &options->first) && str_to_i64(str_after(rest, 1), &options->last) &&
           options->first > 0 && options->last >= options->first;
}

static bool read_option(struct options *options, const char *name, const char *value)
{
    if (strcmp(name, "--seed") == 0) {
        bool right = str_to_i64(str_of(value), &options->first) && options->first > 0;
        options->last = options->first;
        return right;
    }
    if (strcmp(name, "--seeds") == 0) {
        return read_range(value, options);
    }
    if (strcmp(name, "--seconds") == 0) {
        options->last = options->last == 0 ? INT64_MAX : options->last;
        return str_to_i64(str_of(value), &options->seconds) && options->seconds > 0;
    }
    if (strcmp(name, "--from") == 0) {
        return str_to_i64(str_of(value), &options->first) && options->first > 0;
    }
    if (strcmp(name, "--file") == 0) {
        options->file = value;
        return true;
    }
    options->commit = value;
    return strcmp(name, "--commit") == 0;
}

static bool read_options(int argc, char **argv, struct options *options)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0) {
            options->trace = true;
        } else if (strcmp(argv[i], "--twice") == 0) {
            options->twice = true;
        } else if (strcmp(argv[i], "--reach") == 0) {
            options->reach = true;
        } else if (i + 1 == argc || !read_option(options, argv[i], argv[i + 1])) {
            return false;
        } else {
            i++;
        }
    }
    return options->last > 0 || options->file;
}

/* The rarest pairs are met once in a hundred seeds: who must meet all of them goes on, but not for ever. */
static bool wants_more(const struct total *total)
{
    return total->seeds < SIM_REACH_SEEDS ||
           (total->seeds < SIM_REACH_SEEDS_MAX &&
            sim_reach_missing(&total->reach, total->seeds, NULL, NULL).missing > 0);
}

static bool goes_on(const struct options *options, const struct total *total, int64_t seed)
{
    int64_t until_us = total->began_us + options->seconds * 1000000;
    return seed <= options->last && (options->seconds == 0 || clock_mono_us() < until_us ||
                                     (options->reach && wants_more(total)));
}

int main(int argc, char **argv)
{
    struct options options = {.first = 1, .commit = "unknown"};
    static struct total total;
    if (!read_options(argc, argv, &options)) {
        return usage();
    }
    log_open(&(struct log_options){.service = STR("sim"),
                                   .version = STR(""),
                                   .level = options.trace ? LOG_LEVEL_WARN : LOG_LEVEL_COUNT,
                                   .fd = STDOUT_FILENO});
    (void)signal(SIGABRT, tell_seed);
    (void)signal(SIGSEGV, tell_seed);
    total.began_us = total.told_us = clock_mono_us();
    if (options.file && !run_file(&options, &total)) {
        return SIM_EXIT_USAGE;
    }
    for (int64_t seed = options.first; goes_on(&options, &total, seed); seed++) {
        run_seed(&options, (uint64_t)seed, &total);
        tell_progress(&total);
    }
    return verdict(&total) ? SIM_EXIT_OK : SIM_EXIT_RED;
}
