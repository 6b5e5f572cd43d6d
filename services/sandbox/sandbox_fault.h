#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "sandbox/sandbox_world.h"

/*
 * What shall go wrong, told by tests beforehand: a bounded list of rules, each good for a number of
 * requests. The first rule that fits a request is used. Caller holds the sandbox's lock.
 */

#define SANDBOX_FAULTS_MAX 32
#define SANDBOX_FAULT_PATH_MAX_BYTES 128
#define SANDBOX_FAULT_CODE_MAX_BYTES 64
#define SANDBOX_FAULT_COUNT_MAX 1000000
#define SANDBOX_FAULT_DELAY_MAX_MS 600000

enum sandbox_fault_mode {
    SANDBOX_FAULT_NONE = 0,
    SANDBOX_FAULT_DELAY,       /* wait, then behave */
    SANDBOX_FAULT_DROP_ANSWER, /* close the connection instead of answering */
    SANDBOX_FAULT_STATUS,      /* answer with an error of this HTTP status */
    SANDBOX_FAULT_GARBAGE,     /* answer 200 with bytes that are no JSON */
    SANDBOX_FAULT_MODE_COUNT,
};

/* Whether the work is done: "before": the fault comes first and nothing is done. */
enum sandbox_fault_when {
    SANDBOX_FAULT_WHEN_NONE = 0,
    SANDBOX_FAULT_BEFORE,
    SANDBOX_FAULT_AFTER,
    SANDBOX_FAULT_WHEN_COUNT,
};

struct sandbox_fault {
    enum sandbox_fault_mode mode;
    enum sandbox_fault_when when;
    struct str method; /* "POST"; empty: any */
    struct str path;   /* prefix */
    struct str code;   /* with STATUS: error.code; empty: none */
    int64_t delay_ms;
    int32_t http_status;
    uint32_t count; /* requests that it is still good for */
};

struct sandbox_faults {
    struct sandbox_fault rows[SANDBOX_FAULTS_MAX];
    uint32_t count;
    uint64_t used; /* requests that met a fault */
};

/* Names as tests write them; the zero value for an unknown one. */
enum sandbox_fault_mode sandbox_fault_mode_parse(struct str name);
enum sandbox_fault_when sandbox_fault_when_parse(struct str name);

/* Adds a rule; its text must live until the reset. False: the list is full. */
MUST_CHECK bool sandbox_faults_add(struct sandbox_faults *faults,
                                   const struct sandbox_fault *fault);

/* Forgets the rules for exactly this path prefix. */
void sandbox_faults_end(struct sandbox_faults *faults, struct str path);

/* The fault that this request meets, used up by one; mode NONE: it meets none. */
struct sandbox_fault sandbox_faults_take(struct sandbox_faults *faults, struct str method,
                                         struct str path);
