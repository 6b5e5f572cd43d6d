#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "base/op.h"
#include "effects/effects.h"
#include "engine/caller.h"

/*
 * A payment provider of the mind, behind the engine's caller port: it does each request once per
 * idempotency key, and loses, delays or refuses answers as it is told. It outlives the processes
 * that call it and counts what it really did.
 */

#define PROVIDER_OBJECTS_MAX 64
#define PROVIDER_TEXT_MAX 1024

enum provider_fault {
    PROVIDER_ANSWERS = 0,
    PROVIDER_NOT_SENT,    /* no connection */
    PROVIDER_LOSES_CALL,  /* something went out and was lost */
    PROVIDER_LOSES_REPLY, /* the work is done and nobody hears of it */
    PROVIDER_SAYS_500,    /* before any work */
    PROVIDER_SAYS_GARBAGE,
    PROVIDER_FAULT_COUNT,
};

struct provider_object {
    struct id key; /* the effect's */
    struct str request;
    struct id escrow_id; /* read from the metadata */
    struct id leg_id;
    struct str path;
    int32_t http_status;
    struct str body;
};

struct provider {
    struct caller caller; /* first: the port */
    struct arena *arena;
    uint32_t object_count;
    struct provider_object objects[PROVIDER_OBJECTS_MAX];
    uint32_t answer_count;
    struct caller_answer answers[PROVIDER_OBJECTS_MAX];
    uint32_t calls;
    /* The next calls meet these, one each; afterwards all is well. */
    enum provider_fault faults[16];
    uint32_t fault_count;
    /* Paths that start so are refused for good, with this error code. */
    const char *refused_path;
    const char *refused_code;
};

/* All text lives in the arena. */
void provider_init(struct provider *provider, struct arena *arena);
/* The process that called is gone: its answers reach nobody. */
void provider_hang_up(struct provider *provider);
/* What was really done on paths that start so; with http status 200 only. */
uint32_t provider_done(const struct provider *provider, const char *path);
/* The first such object of an escrow, or NULL. */
const struct provider_object *provider_find(const struct provider *provider, const char *path,
                                            struct id escrow_id);
