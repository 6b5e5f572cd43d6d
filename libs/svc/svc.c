#include "svc/svc.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/crash.h"
#include "obs/log.h"
#include "svc/svc_internal.h"

/*
 * Arguments, configuration, signals and the end of a process. The order of svc_open matters: signals
 * are blocked before the admin port starts the first thread, so that every thread inherits it.
 */

#define SVC_FILES_MAX 65536

/* ---- Arguments ---- */

enum wish {
    WISH_RUN = 0,
    WISH_CHECK_CONFIG,
    WISH_PRINT_CONFIG,
    WISH_PRINT_CONFIG_DOCS,
    WISH_VERSION,
    WISH_HELP,
    WISH_PRINT, /* the service's own option */
    WISH_COUNT,
};

static const char *const wish_options[WISH_COUNT] = {
    [WISH_CHECK_CONFIG] = "--check-config",
    [WISH_PRINT_CONFIG] = "--print-config",
    [WISH_PRINT_CONFIG_DOCS] = "--print-config-docs",
    [WISH_VERSION] = "--version",
    [WISH_HELP] = "--help",
};

static struct status read_arguments(struct op *op, const struct svc_info *info, int argc,
                                    char **argv, enum wish *ret_wish)
{
    if (argc <= 1) {
        *ret_wish = WISH_RUN;
        return OK;
    }
    for (int i = WISH_CHECK_CONFIG; argc == 2 && i < WISH_COUNT; i++) {
        const char *option = i == WISH_PRINT ? info->print_option : wish_options[i];
        if (option && strcmp(argv[1], option) == 0) {
            *ret_wish = (enum wish)i;
            return OK;
        }
    }
    return op_fail(op, STATUS_INVALID, "svc.arguments", "one known option at most; see --help");
}

static struct status print(struct op *op, struct str text)
{
    bool written = fwrite(text.ptr, 1, text.len, stdout) == text.len && fflush(stdout) == 0;
    if (!written) {
        return op_fail(op, STATUS_STOP, "svc.output", "standard output cannot be written");
    }
    return op_fail(op, STATUS_CANCELED, "svc.printed", "printed what was asked for");
}

static struct status help(struct op *op, const struct svc_info *info, struct str *ret_text)
{
    struct str keys;
    TRY(conf_help(op, &info->conf, &keys));
    struct strbuf buf;
    strbuf_init(&buf, op->arena, SVC_TEXT_MAX_BYTES);
    strbuf_addf(&buf, "usage: holdfast-" STR_FMT " [", STR_ARG(info->name));
    for (int i = WISH_CHECK_CONFIG; i < WISH_PRINT; i++) {
        strbuf_addf(&buf, "%s%s", i > WISH_CHECK_CONFIG ? " | " : "", wish_options[i]);
    }
    strbuf_addf(&buf,
                "%s%s]\n\nWithout an option it runs until SIGTERM. Environment, each also "
                "from a file by NAME_FILE:\n\n",
                info->print_option ? " | " : "", info->print_option ? info->print_option : "");
    strbuf_add(&buf, keys);
    return strbuf_finish(&buf, ret_text) ? OK : op_arena_full(op);
}

/* The wishes that need no configuration; others are left to the caller. */
static struct status print_plain(struct op *op, const struct svc_info *info, enum wish wish)
{
    struct str text = STR("holdfast " HOLDFAST_VERSION "\n");
    switch (wish) {
    case WISH_VERSION: return print(op, text);
    case WISH_HELP: TRY(help(op, info, &text)); return print(op, text);
    case WISH_PRINT_CONFIG_DOCS:
        TRY(conf_docs(op, &info->conf, info->name, &text));
        return print(op, text);
    case WISH_PRINT: TRY(info->print(op, &text)); return print(op, text);
    case WISH_RUN:
    case WISH_CHECK_CONFIG:
    case WISH_PRINT_CONFIG: return OK;
    case WISH_COUNT: break;
    }
    UNREACHABLE("wish");
}

static struct status load_conf(struct op *op, const struct svc_info *info, struct conf **ret_conf)
{
    struct conf *conf = NULL;
    TRY(conf_load(op, &info->conf, conf_environment(), &conf));
    struct str mistakes = conf_mistakes(conf);
    if (mistakes.len > 0) {
        conf_wipe(conf);
        (void)fwrite(mistakes.ptr, 1, mistakes.len, stderr);
        return op_fail(op, STATUS_INVALID, "conf.invalid", "the configuration has mistakes");
    }
#ifdef HOLDFAST_CRASH_POINTS
    if (conf_given(conf, "HOLDFAST_CRASH_AT") && !crash_arm(conf_str(conf, "HOLDFAST_CRASH_AT"))) {
        return op_fail(op, STATUS_INVALID, "conf.invalid",
                       "HOLDFAST_CRASH_AT is not name:n:kill|stop");
    }
#endif
    *ret_conf = conf;
    return OK;
}

static struct status print_conf(struct op *op, const struct conf *conf, enum wish wish)
{
    struct str text = STR("the configuration is sound\n");
    if (wish == WISH_PRINT_CONFIG) {
        TRY(conf_print(op, conf, &text));
    }
    return wish == WISH_RUN ? OK : print(op, text);
}

/* ---- Signals ---- */

static sigset_t stop_signals(void)
{
    sigset_t set;
    ASSERT(sigemptyset(&set) == 0);
    ASSERT(sigaddset(&set, SIGTERM) == 0);
    ASSERT(sigaddset(&set, SIGINT) == 0);
    return set;
}

static struct status open_signals(struct op *op, struct svc *svc)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    ASSERT(sigaction(SIGPIPE, &ignore, /* old */ NULL) == 0);
    sigset_t set = stop_signals();
    ASSERT(pthread_sigmask(SIG_BLOCK, &set, /* old */ NULL) == 0);
    svc->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    svc->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (svc->signal_fd < 0 || svc->wake_fd < 0) {
        return op_fail(op, STATUS_STOP, "svc.signals", "signalfd or eventfd: error %d", errno);
    }
    return OK;
}

/* From here on the default action of TERM and INT ends the process: the second one is not read. */
static void let_the_second_signal_kill(void)
{
    sigset_t set = stop_signals();
    ASSERT(pthread_sigmask(SIG_UNBLOCK, &set, /* old */ NULL) == 0);
}

static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    limit.rlim_cur = limit.rlim_max < SVC_FILES_MAX ? limit.rlim_max : SVC_FILES_MAX;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* best effort: a lower limit is only a lower limit */
}

/* ---- Opening and closing ---- */

static enum log_level level_of(const struct conf *conf)
{
    enum log_level level = LOG_LEVEL_INFO;
    ASSERT(log_level_parse(conf_str(conf, "LOG_LEVEL"), &level));
    return level;
}

static struct status start(struct op *op, const struct svc_info *info, struct conf *conf,
                           struct svc **ret_svc)
{
    struct svc *svc = arena_new(op->arena, struct svc, 1);
    if (!svc) {
        return op_arena_full(op);
    }
    *ret_svc = svc; /* half-built too: svc_free closes what is there */
    svc->conf = conf;
    svc->signal_fd = -1;
    svc->wake_fd = -1;
    log_open(&(struct log_options){.service = info->name,
                                   .version = STR(HOLDFAST_VERSION),
                                   .level = level_of(conf),
                                   .fd = STDERR_FILENO});
    raise_file_limit();
    TRY(open_signals(op, svc));
    svc->metrics = metrics_new(op, info->name, STR(HOLDFAST_VERSION));
    if (info->admin) {
        TRY(svc_admin_open(op, svc));
    }
    log_info(op, "svc.started", LOG_I64("pid", getpid()),
             LOG_STR("env", conf_str(conf, "HOLDFAST_ENV")),
             LOG_I64("admin_port", svc_admin_port(svc)));
    return OK;
}

/* STATUS_CANCELED "svc.printed" when argv asked for a text, which is printed; STATUS_INVALID
 * "svc.arguments" or "conf.invalid" with the mistakes on standard error. */
static struct status open_svc(struct op *op, const struct svc_info *info, int argc, char **argv,
                              struct svc **ret_svc)
{
    enum wish wish = WISH_RUN;
    struct conf *conf = NULL;
    TRY(read_arguments(op, info, argc, argv, &wish));
    TRY(print_plain(op, info, wish));
    TRY(load_conf(op, info, &conf));
    struct status st = print_conf(op, conf, wish);
    if (status_failed(st)) {
        conf_wipe(conf);
        return st;
    }
    return start(op, info, conf, ret_svc);
}

static void close_fd(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

static void close_svc(struct svc **opened)
{
    struct svc *svc = *opened;
    if (!svc) {
        return;
    }
    svc_admin_close(svc);
    close_fd(svc->signal_fd);
    close_fd(svc->wake_fd);
    conf_wipe(svc->conf);
}

const struct conf *svc_conf(const struct svc *svc)
{
    return svc->conf;
}

struct metrics *svc_metrics(const struct svc *svc)
{
    return svc->metrics;
}

/* ---- Readiness ---- */

void svc_add_check(struct svc *svc, const char *name, svc_check *check, void *ctx)
{
    uint32_t at = atomic_load(&svc->check_count);
    ASSERT(at < SVC_CHECKS_MAX);
    svc->checks[at] = (struct svc_named_check){.name = name, .check = check, .ctx = ctx};
    atomic_store(&svc->check_count, at + 1); /* published after it is filled */
}

static void say_ready(struct svc *svc, bool ready)
{
    bool before = atomic_exchange(&svc->ready, ready);
    if (before != ready) {
        log_info(/* op */ NULL, ready ? "svc.ready" : "svc.not_ready");
    }
}

/* ---- Stopping ---- */

bool svc_stopping(const struct svc *svc)
{
    return atomic_load(&svc->stopping);
}

void svc_stop(struct svc *svc, bool failed)
{
    if (failed) {
        atomic_store(&svc->failed, true);
    }
    atomic_store(&svc->stopping, true);
    uint64_t one = 1;
    ssize_t written = write(svc->wake_fd, &one, sizeof(one));
    ASSERT(written == (ssize_t)sizeof(one) || errno == EAGAIN); /* full: somebody else woke it */
}

/* timeout_ms: -1 for as long as it takes. */
static void wait_for_event(struct svc *svc, int64_t timeout_ms)
{
    struct pollfd fds[] = {{.fd = svc->signal_fd, .events = POLLIN},
                           {.fd = svc->wake_fd, .events = POLLIN}};
    if (svc_stopping(svc)) {
        return;
    }
    int ready = poll(fds, ARRAY_LEN(fds), (int)timeout_ms);
    ASSERT(ready >= 0 || errno == EINTR);
    struct signalfd_siginfo info;
    if (ready > 0 && read(svc->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        atomic_store(&svc->stopping, true);
        log_info(/* op */ NULL, "svc.stopping", LOG_U64("signal", info.ssi_signo));
    }
    if (svc_stopping(svc)) {
        let_the_second_signal_kill();
    }
}

bool svc_pause(struct svc *svc, int64_t ms)
{
    int64_t until_ms = clock_mono_ms() + ms;
    for (int64_t left = ms; left > 0 && !svc_stopping(svc); left = until_ms - clock_mono_ms()) {
        wait_for_event(svc, left);
    }
    return !svc_stopping(svc);
}

void svc_serve(struct svc *svc)
{
    say_ready(svc, true);
    while (!svc_stopping(svc)) {
        wait_for_event(svc, -1);
    }
    say_ready(svc, false);
}

void svc_ready_lag(const struct svc *svc)
{
    int64_t lag_ms = conf_i64(svc->conf, "READY_LAG_MS");
    int64_t until_ms = clock_mono_ms() + lag_ms;
    for (int64_t left = lag_ms; left > 0; left = until_ms - clock_mono_ms()) {
        (void)poll(/* fds */ NULL, 0, (int)left); /* EINTR: the loop goes on */
    }
}

/* ---- From the beginning to the end ---- */

static int exit_code(const struct svc *svc, struct op *op, struct status st)
{
    bool asked = svc && st.kind == STATUS_CANCELED && svc_stopping(svc);
    bool failed = status_failed(st) && !asked;
    if (failed && strcmp(op->err.code, "svc.printed") == 0) {
        return SVC_EXIT_OK;
    }
    if (failed) {
        log_error(op, "svc.failed", LOG_STATUS(st), LOG_FAILURE(op));
    }
    if (failed && !svc && st.kind == STATUS_INVALID) {
        return SVC_EXIT_USAGE;
    }
    failed = failed || (svc && atomic_load(&svc->failed));
    log_info(op, "svc.stopped", LOG_BOOL("failed", failed));
    log_close();
    return failed ? SVC_EXIT_FAILED : SVC_EXIT_OK;
}

int svc_main(const struct svc_info *info, int argc, char **argv, svc_run *run)
{
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, SVC_BOOT_ARENA_BYTES);
    struct op op = {.arena = &arena, .correlation_id = STR("boot")};

    DEFER(close_svc) struct svc *svc = NULL;
    struct status st = open_svc(&op, info, argc, argv, &svc);
    if (!status_failed(st)) {
        st = run(&op, svc);
    }
    return exit_code(svc, &op, st);
}
