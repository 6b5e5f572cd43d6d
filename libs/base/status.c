#include "base/status.h"

#include "base/assert.h"

const char *status_kind_name(enum status_kind kind)
{
    switch (kind) {
    case STATUS_OK: return "ok";
    case STATUS_INVALID: return "invalid";
    case STATUS_DENIED: return "denied";
    case STATUS_NOT_FOUND: return "not_found";
    case STATUS_CONFLICT: return "conflict";
    case STATUS_LIMIT: return "limit";
    case STATUS_RETRY: return "retry";
    case STATUS_CANCELED: return "canceled";
    case STATUS_BUG: return "bug";
    case STATUS_STOP: return "stop";
    case STATUS_KIND_COUNT: break;
    }
    UNREACHABLE("status kind");
}
