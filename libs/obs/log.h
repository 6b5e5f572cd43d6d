#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "base/op.h"
#include "base/str.h"

/*
 * One JSON line for each event, on one file descriptor: an event's name and typed fields, no free
 * text with data in it. A line is one write of at most LOG_LINE_MAX_BYTES (a pipe keeps it whole);
 * a reader that does not read costs LOG_WAIT_MS once, then lines are dropped and counted.
 * A struct secret cannot be logged: no field takes one. Thread-safe.
 *
 *     log_info(op, "escrow.released", LOG_ID("escrow_id", id), LOG_I64("amount_minor", amount));
 *     log_error(op, "engine.batch_failed", LOG_STATUS(st), LOG_FAILURE(op));
 */

#define LOG_LINE_MAX_BYTES 4096 /* PIPE_BUF on Linux */
#define LOG_FIELDS_MAX 24
#define LOG_WAIT_MS 100
/* Warnings and errors of one event name and error code within a second; more are only counted and
 * told by the next one as "suppressed". */
#define LOG_BURST_MAX 10

enum log_level {
    LOG_LEVEL_NONE = 0,
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARN,
    LOG_LEVEL_ERROR,
    LOG_LEVEL_COUNT,
};

/* "debug", "info", "warn", "error"; false for anything else. */
bool log_level_parse(struct str name, enum log_level *ret_level);

enum log_field_kind {
    LOG_FIELD_NONE = 0, /* left out */
    LOG_FIELD_I64,
    LOG_FIELD_U64,
    LOG_FIELD_BOOL,
    LOG_FIELD_STR,
    LOG_FIELD_ID,
    LOG_FIELD_KIND_COUNT,
};

struct log_field {
    const char *name; /* ours: [a-z_]+, written as it is */
    enum log_field_kind kind;

    union {
        int64_t i64;
        uint64_t u64;
        bool yes;
        struct str str;
        struct id id;
    };
};

#define LOG_I64(key, value)                                   \
    (struct log_field)                                        \
    {                                                         \
        .name = (key), .kind = LOG_FIELD_I64, .i64 = (value), \
    }
#define LOG_U64(key, value)                                   \
    (struct log_field)                                        \
    {                                                         \
        .name = (key), .kind = LOG_FIELD_U64, .u64 = (value), \
    }
#define LOG_BOOL(key, value)                                   \
    (struct log_field)                                         \
    {                                                          \
        .name = (key), .kind = LOG_FIELD_BOOL, .yes = (value), \
    }
/* A struct str: ids, codes, states, names of ours. Never what a person typed. */
#define LOG_STR(key, value)                                   \
    (struct log_field)                                        \
    {                                                         \
        .name = (key), .kind = LOG_FIELD_STR, .str = (value), \
    }
#define LOG_ID(key, value)                                  \
    (struct log_field)                                      \
    {                                                       \
        .name = (key), .kind = LOG_FIELD_ID, .id = (value), \
    }
/* A NUL-terminated string of ours. */
#define LOG_TEXT(key, value) LOG_STR(key, str_of(value))
#define LOG_STATUS(st) LOG_TEXT("status", status_kind_name((st).kind))
/* Why it failed: "code" and "error". */
#define LOG_FAILURE(op) LOG_TEXT("code", (op)->err.code), LOG_TEXT("error", (op)->err.msg)

/* Before it is opened, lines go to standard error at level info, as service "boot". */
struct log_options {
    struct str service;
    struct str version;
    enum log_level level;
    int fd; /* borrowed; 2 for standard error */
};

/* Once, before the first thread. The texts are copied (at most 31 bytes of each). */
void log_open(const struct log_options *options);
/* Writes what is still only counted as suppressed, and goes back to standard error. */
void log_close(void);
bool log_enabled(enum log_level level);

/* op may be NULL; its correlation id becomes a field. event is a literal. Use the macros. */
void log_write(enum log_level level, const struct op *op, const char *event,
               const struct log_field *fields, uint32_t field_count);

struct log_stats {
    _Atomic uint64_t lines[LOG_LEVEL_COUNT];
    _Atomic uint64_t suppressed, dropped, truncated;
};

struct log_stats *log_stats(void);

#define LOG_AT_(level, op, event, ...)                                                \
    do {                                                                              \
        if (log_enabled(level)) {                                                     \
            const struct log_field log_fields_[] = {{.name = NULL}, ##__VA_ARGS__};   \
            log_write((level), (op), (event), log_fields_ + 1,                        \
                      (uint32_t)(sizeof(log_fields_) / sizeof(log_fields_[0])) - 1U); \
        }                                                                             \
    } while (0)
#define log_debug(op, event, ...) LOG_AT_(LOG_LEVEL_DEBUG, op, event, ##__VA_ARGS__)
#define log_info(op, event, ...) LOG_AT_(LOG_LEVEL_INFO, op, event, ##__VA_ARGS__)
#define log_warn(op, event, ...) LOG_AT_(LOG_LEVEL_WARN, op, event, ##__VA_ARGS__)
#define log_error(op, event, ...) LOG_AT_(LOG_LEVEL_ERROR, op, event, ##__VA_ARGS__)
