#pragma once

#include "engine/intake.h"
#include "sim_index.h"
#include "sim_place.h"

/*
 * The door of a service in the simulation: this defines `struct intake` and intake_submit, so that
 * the product's own code that takes requests in (the webhook's handler) runs unchanged. A request is
 * durable as soon as it was submitted; what may fail is what comes after that.
 */

enum sim_publish {
    SIM_PUBLISH_ONCE = 0,
    SIM_PUBLISH_NEVER, /* the process ended after its commit: the lane's owner will publish */
    SIM_PUBLISH_TWICE, /* the producer's answer was lost */
    SIM_PUBLISH_COUNT,
};

/* A request that somebody was told is taken. Whatever happens after, it must not be forgotten. */
struct sim_taken {
    struct id id;
    struct id key;
    struct hash content;
    enum topic topic;
    int64_t at_us; /* mono: when somebody was last told so */
};

struct intake {
    const struct sim_place *place;
    enum sim_service service;
    enum sim_publish next; /* what becomes of the record of the next request; then ONCE */
    uint64_t stored, repeated, different, refused;
    struct sim_taken *taken;
    uint32_t taken_count, taken_capacity;
    struct sim_index taken_index;
};

void sim_intake_init(struct intake *intake, const struct sim_place *place,
                     enum sim_service service);
void sim_intake_fini(struct intake *intake);
