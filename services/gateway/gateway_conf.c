#include "gateway/gateway_conf.h"

#include "base/defer.h"
#include "base/request_key.h"
#include "http/http_rate.h"
#include "pg/pg.h"

/* The gateway's own keys. */

const struct conf_key gateway_conf_keys[] = {
    {.name = "HTTP_LISTEN",
     .type = CONF_LISTEN,
     .fallback = "127.0.0.1:8080",
     .help = "Where the API is served. TLS ends in front of it. Port 0: any free one, which is "
             "logged."},
    {.name = "HTTP_TRUSTED_PROXY",
     .type = CONF_STR,
     .max = 45,
     .fallback = "",
     .help = "Address of the proxy in front: from it alone X-Forwarded-For is believed."},
    {.name = "HTTP_CONNECTIONS_MAX",
     .type = CONF_I64,
     .fallback = "1024",
     .min = 16,
     .max = 8192,
     .unit = "connections",
     .help = "The most connections at the same time; each has a thread with a small stack."},
    {.name = "HTTP_RATE_PER_TOKEN",
     .type = CONF_I64,
     .fallback = "2000",
     .min = 0,
     .max = HTTP_RATE_QUOTA_MAX,
     .unit = "requests in 10 s",
     .help = "What one API token may ask of this process; more is refused with 429, refunds last. "
             "0: no "
             "limit."},
    {.name = "HTTP_RATE_PER_ADDRESS",
     .type = CONF_I64,
     .fallback = "200",
     .min = 0,
     .max = HTTP_RATE_QUOTA_MAX,
     .unit = "requests in 10 s",
     .help =
         "What one client address (an IPv6 /64) may ask of this process without a good token; "
         "beyond, what comes from there is refused with 429, but for tokens that were good here "
         "lately. So behind a proxy HTTP_TRUSTED_PROXY must be set. 0: no limit."},
    {.name = "REQUEST_SIGNING_SECRET",
     .type = CONF_SECRET,
     .min = REQUEST_KEY_SECRET_MIN_BYTES,
     .max = SECRET_MAX_BYTES,
     .help = "What the keys of signed tokens are derived from, the same for all replicas and for "
             "holdfastctl token create --signed. Without it requests of such tokens get 503."},
    {.name = "REQUEST_SIGNING_SECRET_OLD",
     .type = CONF_SECRET,
     .min = REQUEST_KEY_SECRET_MIN_BYTES,
     .max = SECRET_MAX_BYTES,
     .help = "The secret before: keys that came from it are good until it is taken away."},
    {.name = "INTAKE_BACKLOG_MAX_MS",
     .type = CONF_I64,
     .fallback = "60000",
     .min = 1000,
     .max = 3600000,
     .unit = "ms",
     .help = "New commands are refused with 503 while one that was accepted waits longer than this "
             "for Kafka to take it."},
    {.name = "EVIDENCE_DIR",
     .type = CONF_STR,
     .max = 1024,
     .fallback = "",
     .help = "The folder where evidence lies, the same for all replicas: on several machines a "
             "shared volume, of which there is a backup. Without it evidence is refused with 503."},
    {.name = "DATABASE_POOL_MAX",
     .type = CONF_I64,
     .fallback = "8",
     .min = 1,
     .max = PG_POOL_MAX,
     .unit = "connections",
     .help = "Connections for requests, beside those of the engine and the intake."},
};
const size_t gateway_conf_key_count = ARRAY_LEN(gateway_conf_keys);
