#pragma once

#include "base/table.h"
#include "notifications/notifications.h"

/* Rows and their structs, told once: migrations/notifications has the tables. */

extern const struct table notifications_repo_deal;      /* struct deal; key: the escrow's id */
extern const struct table notifications_repo_recipient; /* struct recipient; key: the user's id */
extern const struct table
    notifications_repo_delivery; /* struct delivery; children of a recipient */
