#pragma once

#include "base/clock.h"
#include "sim_db.h"
#include "sim_kafka.h"

/* What outlives the simulated processes: the outside speaks to it, the checker looks at it. */

enum sim_service {
    SIM_GATEWAY = 0,
    SIM_ESCROW,
    SIM_PAYMENTS,
    SIM_ORACLE,
    SIM_NOTIFICATIONS,
    SIM_SERVICE_COUNT,
};

struct sim_place {
    struct clock_fake *clock; /* the true time; a database's may differ */
    struct sim_kafka *kafka;
    struct sim_db *dbs[SIM_SERVICE_COUNT];
};
