/* What is unique in the services' tables besides their primary keys: the UNIQUEs of migrations/. */
#include <string.h>

#include "base/assert.h"
#include "base/defer.h"
#include "notifications/notifications_repo.h"
#include "payments/payments_repo.h"
#include "sim_run_internal.h"

#define COLUMNS_MAX 3

static const struct {
    enum sim_service service;
    const struct table *table;
    const char *columns[COLUMNS_MAX];
} keys[] = {
    {SIM_PAYMENTS, &payments_repo_webhook, {"provider", "event_id"}},
    {SIM_NOTIFICATIONS, &notifications_repo_delivery, {"user_id", "n"}},
    {SIM_NOTIFICATIONS, &notifications_repo_delivery, {"escrow_id", "seq", "role"}},
};

static uint16_t column_named(const struct table *table, const char *name)
{
    uint16_t at = 0;
    while (at < table->column_count && strcmp(table->columns[at].name, name) != 0) {
        at++;
    }
    ASSERT(at < table->column_count);
    return at;
}

void sim_run_tell_keys(struct sim_run *run)
{
    static uint16_t columns[ARRAY_LEN(keys)][COLUMNS_MAX];

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        uint16_t count = 0;
        while (count < COLUMNS_MAX && keys[i].columns[count]) {
            columns[i][count] = column_named(keys[i].table, keys[i].columns[count]);
            count++;
        }
        sim_db_unique(run->place.dbs[keys[i].service], keys[i].table, columns[i], count);
    }
}
