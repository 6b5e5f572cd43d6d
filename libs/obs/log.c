#include "obs/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/defer.h"
#include "base/hash.h"
#include "base/mutex.h"

/*
 * Fields come in, one line goes out in one write. Always holds: a line is whole or not there, no
 * caller waits longer than LOG_WAIT_MS, what is left out is counted and told by a later line.
 */

#define LOG_NAME_BYTES 32
#define LOG_VALUE_MAX_BYTES 1024 /* of one text field; the rest is cut */
#define LOG_TAIL_BYTES 24        /* room for ,"truncated":true} and the line's end */
#define LOG_SLOTS 128            /* events and codes that are limited at the same time */
#define LOG_PROBES 8
#define LOG_WINDOW_MS 1000

/* How often one event with one code was told within its window. */
struct slot {
    uint64_t key; /* 0: free */
    const char *event;
    int64_t window_ends_ms;
    uint32_t told;
    uint64_t suppressed;
};

/* The only state of the process's log: written by log_open before the first thread, and under the
 * mutex afterwards. */
static struct {
    pthread_mutex_t mutex;
    char service[LOG_NAME_BYTES];
    char version[LOG_NAME_BYTES];
    _Atomic int level;
    int fd;
    int own_fd; /* > 0: a description of our own for a pipe, so that it can be non-blocking */
    bool is_socket;
    bool clogged;
    uint64_t dropped; /* since the last line that was written */
    struct slot slots[LOG_SLOTS];
} out = {
    .mutex = PTHREAD_MUTEX_INITIALIZER,
    .service = "boot",
    .level = LOG_LEVEL_INFO,
    .fd = STDERR_FILENO,
};

static struct log_stats stats;

static const char *const level_names[LOG_LEVEL_COUNT] = {
    [LOG_LEVEL_NONE] = "",     [LOG_LEVEL_DEBUG] = "debug", [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_WARN] = "warn", [LOG_LEVEL_ERROR] = "error",
};

bool log_level_parse(struct str name, enum log_level *ret_level)
{
    for (int i = LOG_LEVEL_DEBUG; i < LOG_LEVEL_COUNT; i++) {
        if (str_eq(name, str_of(level_names[i]))) {
            *ret_level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

struct log_stats *log_stats(void)
{
    return &stats;
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&out.level, memory_order_relaxed);
}

/* ---- Where lines go ---- */

static void copy_name(char *ret, struct str name)
{
    size_t len = name.len < LOG_NAME_BYTES ? name.len : LOG_NAME_BYTES - 1;
    memset(ret, 0, LOG_NAME_BYTES);
    if (len > 0) {
        memcpy(ret, name.ptr, len);
    }
}

/* Makes writing to fd something that cannot block for ever, without changing it for those who share
 * it: a pipe is opened anew, a socket is written with MSG_DONTWAIT. */
static void set_target(int fd)
{
    if (out.own_fd > 0) {
        (void)close(out.own_fd);
    }
    out.fd = fd;
    out.own_fd = 0;
    out.clogged = false;
    struct stat about;
    bool known = fstat(fd, &about) == 0;
    out.is_socket = known && S_ISSOCK(about.st_mode);
    if (known && S_ISFIFO(about.st_mode)) {
        char path[LOG_NAME_BYTES];
        struct strbuf buf;
        struct str text;
        strbuf_init_fixed(&buf, path, sizeof(path));
        strbuf_addf(&buf, "/proc/self/fd/%d", fd);
        if (strbuf_finish(&buf, &text)) {
            int own = open(text.ptr, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
            out.own_fd = own > 0 ? own : 0;
        }
    }
}

static ssize_t write_some(const char *bytes, size_t len)
{
    if (out.is_socket) {
        return send(out.fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    return write(out.own_fd > 0 ? out.own_fd : out.fd, bytes, len);
}

/* Waits until the reader takes something; false when it does not within what is left of the wait. */
static bool wait_writable(int64_t deadline_ms)
{
    int64_t left = deadline_ms - clock_mono_ms();
    struct pollfd target = {.fd = out.own_fd > 0 ? out.own_fd : out.fd, .events = POLLOUT};
    int ready = poll(&target, 1, left > 0 ? (int)left : 0);
    return ready > 0 && (target.revents & POLLOUT) != 0;
}

/* The mutex is held. False: the line (or its rest) is lost. */
static bool write_line(const char *line, size_t len)
{
    int64_t deadline_ms = clock_mono_ms() + (out.clogged ? 0 : LOG_WAIT_MS);
    size_t done = 0;
    while (done < len) {
        /* Asked first, so that a terminal or a shared pipe that is full does not hold us. */
        if (!wait_writable(deadline_ms)) {
            return false;
        }
        ssize_t written = write_some(line + done, len - done);
        if (written > 0) {
            done += (size_t)written;
        } else if (errno != EINTR && errno != EAGAIN) {
            return false;
        }
    }
    return true;
}

/* ---- The line ---- */

static void add_name(struct strbuf *line, const char *name)
{
    strbuf_add(line, STR(",\""));
    strbuf_add(line, str_of(name));
    strbuf_add(line, STR("\":"));
}

static void add_text(struct strbuf *line, const char *name, struct str text)
{
    add_name(line, name);
    strbuf_add_char(line, '"');
    if (text.len > LOG_VALUE_MAX_BYTES) {
        text.len = LOG_VALUE_MAX_BYTES;
    }
    strbuf_add_json(line, text);
    strbuf_add_char(line, '"');
}

static void add_id(struct strbuf *line, const char *name, struct id id)
{
    char text[ID_TEXT_BYTES];
    id_format(id, text);
    add_text(line, name, (struct str){.ptr = text, .len = ID_TEXT_BYTES - 1});
}

static void add_u64(struct strbuf *line, const char *name, uint64_t value)
{
    add_name(line, name);
    strbuf_addf(line, "%" PRIu64, value);
}

static void add_field(struct strbuf *line, const struct log_field *field)
{
    switch (field->kind) {
    case LOG_FIELD_NONE: return;
    case LOG_FIELD_I64:
        add_name(line, field->name);
        strbuf_addf(line, "%" PRId64, field->i64);
        return;
    case LOG_FIELD_U64: add_u64(line, field->name, field->u64); return;
    case LOG_FIELD_BOOL:
        add_name(line, field->name);
        strbuf_add(line, field->yes ? STR("true") : STR("false"));
        return;
    case LOG_FIELD_STR: add_text(line, field->name, field->str); return;
    case LOG_FIELD_ID: add_id(line, field->name, field->id); return;
    case LOG_FIELD_KIND_COUNT: break;
    }
    UNREACHABLE("log field kind");
}

static void add_head(struct strbuf *line, enum log_level level, const struct op *op,
                     const char *event)
{
    char at[CLOCK_ISO_BYTES];
    clock_format_iso(clock_wall_us(), at);
    strbuf_addf(line, "{\"at\":\"%s\",\"level\":\"%s\"", at, level_names[level]);
    add_text(line, "service", str_of(out.service));
    if (out.version[0] != '\0') {
        add_text(line, "version", str_of(out.version));
    }
    add_text(line, "event", str_of(event));
    if (op && op->correlation_id.len > 0) {
        add_text(line, "correlation_id", op->correlation_id);
    }
}

/* Adds what fits as a whole. True when something did not. */
static bool add_fields(struct strbuf *line, const struct log_field *fields, uint32_t field_count)
{
    bool truncated = field_count > LOG_FIELDS_MAX;
    for (uint32_t i = 0; i < field_count && i < LOG_FIELDS_MAX; i++) {
        size_t before = line->len;
        add_field(line, &fields[i]);
        if (line->failed) {
            line->failed = false;
            line->len = before;
            truncated = true;
        }
    }
    return truncated;
}

/* The mutex is held. */
static void tell(enum log_level level, const struct op *op, const char *event,
                 const struct log_field *fields, uint32_t field_count, uint64_t suppressed)
{
    char memory[LOG_LINE_MAX_BYTES];
    struct strbuf line;
    strbuf_init_fixed(&line, memory, sizeof(memory) - LOG_TAIL_BYTES);
    add_head(&line, level, op, event);
    if (suppressed > 0) {
        add_u64(&line, "suppressed", suppressed);
    }
    if (out.dropped > 0) {
        add_u64(&line, "dropped", out.dropped);
    }
    ASSERT(!line.failed); /* the head is short: names are ours, values are cut */
    bool truncated = add_fields(&line, fields, field_count);
    line.max_bytes = sizeof(memory) - 1;
    line.capacity = sizeof(memory);
    if (truncated) {
        atomic_fetch_add_explicit(&stats.truncated, 1, memory_order_relaxed);
        strbuf_add(&line, STR(",\"truncated\":true"));
    }
    strbuf_add(&line, STR("}\n"));
    ASSERT(!line.failed);
    if (write_line(line.ptr, line.len)) {
        out.dropped = 0;
        out.clogged = false;
        atomic_fetch_add_explicit(&stats.lines[level], 1, memory_order_relaxed);
        return;
    }
    out.dropped++;
    out.clogged = true;
    atomic_fetch_add_explicit(&stats.dropped, 1, memory_order_relaxed);
}

/* ---- Limiting ---- */

static struct str code_of(const struct log_field *fields, uint32_t field_count)
{
    for (uint32_t i = 0; i < field_count; i++) {
        if (fields[i].kind == LOG_FIELD_STR && strcmp(fields[i].name, "code") == 0) {
            return fields[i].str;
        }
    }
    return STR("");
}

/* The slot of this event and code; NULL when its neighbourhood is full: then it is not limited. */
static struct slot *find_slot(const char *event, struct str code, int64_t now_ms)
{
    uint64_t key = hash_spread(str_of(event)) * 31 + hash_spread(code) + 1;
    key = key == 0 ? 1 : key;
    for (uint64_t i = 0; i < LOG_PROBES; i++) {
        struct slot *slot = &out.slots[(key + i) % LOG_SLOTS];
        if (slot->key == key) {
            return slot;
        }
        bool stale = slot->suppressed == 0 && slot->window_ends_ms <= now_ms;
        if (slot->key == 0 || stale) {
            *slot = (struct slot){.key = key, .event = event};
            return slot;
        }
    }
    return NULL;
}

/* True when the line may be told, with the number of those that were not. */
static bool admit(const char *event, struct str code, uint64_t *ret_suppressed)
{
    int64_t now_ms = clock_mono_ms();
    struct slot *slot = find_slot(event, code, now_ms);
    *ret_suppressed = 0;
    if (!slot) {
        return true;
    }
    if (now_ms >= slot->window_ends_ms) {
        slot->window_ends_ms = now_ms + LOG_WINDOW_MS;
        slot->told = 0;
    }
    if (slot->told >= LOG_BURST_MAX) {
        slot->suppressed++;
        atomic_fetch_add_explicit(&stats.suppressed, 1, memory_order_relaxed);
        return false;
    }
    slot->told++;
    *ret_suppressed = slot->suppressed;
    slot->suppressed = 0;
    return true;
}

/* ---- The interface ---- */

void log_write(enum log_level level, const struct op *op, const char *event,
               const struct log_field *fields, uint32_t field_count)
{
    ASSERT(level > LOG_LEVEL_NONE);
    ASSERT(level < LOG_LEVEL_COUNT);
    DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(&out.mutex);
    uint64_t suppressed = 0;
    if (level >= LOG_LEVEL_WARN && !admit(event, code_of(fields, field_count), &suppressed)) {
        return;
    }
    tell(level, op, event, fields, field_count, suppressed);
}

void log_open(const struct log_options *options)
{
    DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(&out.mutex);
    copy_name(out.service, options->service);
    copy_name(out.version, options->version);
    atomic_store(&out.level, (int)options->level);
    set_target(options->fd);
}

void log_close(void)
{
    DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(&out.mutex);
    for (uint32_t i = 0; i < LOG_SLOTS; i++) {
        struct slot *slot = &out.slots[i];
        if (slot->suppressed > 0) {
            tell(LOG_LEVEL_WARN, /* op */ NULL, slot->event, /* fields */ NULL, 0,
                 slot->suppressed);
        }
        *slot = (struct slot){.key = 0};
    }
    set_target(STDERR_FILENO);
    copy_name(out.service, STR("boot"));
    copy_name(out.version, STR(""));
    atomic_store(&out.level, LOG_LEVEL_INFO);
}
