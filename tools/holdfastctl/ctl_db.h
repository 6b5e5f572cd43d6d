#pragma once

#include "holdfastctl/ctl.h"
#include "pg/pg.h"

/* Connections to the schemas that a command reads. */

#define CTL_SERVICES_MAX 16
#define CTL_BUSY_TRIES 30 /* each waits for a lock as long as a session does (PG_LOCK_TIMEOUT_MS) */

/* The services that have a schema: the writers of topology.yaml, by name. */
STATUS ctl_services(struct op *op, const struct str **ret_names, uint32_t *ret_count);
/* All of them, or the one of --service. */
STATUS ctl_services_asked(struct op *op, const struct ctl *ctl, const struct str **ret_names,
                          uint32_t *ret_count);
/* STATUS_INVALID "ctl.usage" when it is none of them. */
STATUS ctl_service_check(struct op *op, struct str name);

/* Connects with search_path (and the setting holdfast.service) at the service's schema. */
STATUS ctl_db_open(struct op *op, const struct ctl *ctl, struct str service,
                   struct pg_conn **ret_conn);
