#pragma once

#include "engine/intake.h"
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

struct intake {
    const struct sim_place *place;
    enum sim_service service;
    enum sim_publish next; /* what becomes of the record of the next request; then ONCE */
    uint64_t stored, repeated, different, refused;
};

void sim_intake_init(struct intake *intake, const struct sim_place *place,
                     enum sim_service service);
