#include "base/defer.h"
#include "conf/conf.h"

/* The keys that services share. Ranges are the bounds of the code that uses them. */

const struct conf_key conf_common_keys[] = {
    {.name = "HOLDFAST_ENV",
     .type = CONF_STR,
     .required = true,
     .choices = "development|test|production",
     .help = "Where this runs. production refuses test keys and test tokens, default passwords, "
             "plain http and a "
             "Kafka without TLS."},
    {.name = "LOG_LEVEL",
     .type = CONF_STR,
     .fallback = "info",
     .choices = "debug|info|warn|error",
     .help = "The least important lines that are logged."},
    {.name = "ADMIN_LISTEN",
     .type = CONF_LISTEN,
     .fallback = "127.0.0.1:9090",
     .help = "Address of /livez, /readyz and /metrics. Not for the public network. Port 0: any "
             "free one, which is logged."},
#ifdef HOLDFAST_CRASH_POINTS
    {.name = "HOLDFAST_CRASH_AT",
     .type = CONF_STR,
     .min = 1,
     .max = 100,
     .help = "Tests only, not in release builds: name:n:kill or name:n:stop, see base/crash.h."},
#endif
};
const size_t conf_common_key_count = ARRAY_LEN(conf_common_keys);

const struct conf_key conf_kafka_keys[] = {
    {.name = "KAFKA_SECURITY_PROTOCOL",
     .type = CONF_STR,
     .fallback = "plaintext",
     .choices = "plaintext|ssl|sasl_plaintext|sasl_ssl",
     .not_in_production = "plaintext|sasl_plaintext",
     .help = "How Kafka is spoken to; production wants ssl or sasl_ssl."},
    {.name = "KAFKA_SASL_MECHANISM",
     .type = CONF_STR,
     .fallback = "PLAIN",
     .choices = "PLAIN|SCRAM-SHA-256|SCRAM-SHA-512",
     .help = "Used with the sasl_ protocols. SCRAM needs librdkafka 2.6.1 or later: brokers since "
             "3.7.2 refuse "
             "what older ones send, Debian 12's 2.0.2 among them."},
    {.name = "KAFKA_SASL_USERNAME",
     .type = CONF_STR,
     .required_if = "KAFKA_SECURITY_PROTOCOL=sasl_",
     .min = 1,
     .max = 255,
     .help = "Used with the sasl_ protocols."},
    {.name = "KAFKA_SASL_PASSWORD",
     .type = CONF_SECRET,
     .required_if = "KAFKA_SECURITY_PROTOCOL=sasl_",
     .min = 1,
     .max = SECRET_MAX_BYTES,
     .help = "Used with the sasl_ protocols."},
    {.name = "KAFKA_CA_PATH",
     .type = CONF_STR,
     .min = 1,
     .max = 4096,
     .help = "PEM file with the authorities that Kafka's certificates are checked against. Not "
             "given: the system's."},
};
const size_t conf_kafka_key_count = ARRAY_LEN(conf_kafka_keys);

const struct conf_key conf_engine_keys[] = {
    {.name = "DATABASE_URL",
     .type = CONF_DATABASE,
     .required = true,
     .help = "PostgreSQL, as a URI or conninfo string, with the service's own role."},
    {.name = "KAFKA_BROKERS",
     .type = CONF_LIST,
     .required = true,
     .min = 1,
     .max = 16,
     .help = "Addresses of Kafka brokers to begin with, host:port, comma separated."},
    {.name = "ENGINE_THREADS",
     .type = CONF_I64,
     .fallback = "0",
     .min = 0,
     .max = 8,
     .help = "Engine threads of this process. Each has a connection, a consumer and a producer. 0: "
             "one for "
             "each two processors that it may use, two at most."},
    {.name = "ENGINE_BATCH_MAX",
     .type = CONF_I64,
     .fallback = "512",
     .min = 1,
     .max = 512,
     .unit = "messages",
     .help = "The most messages that are decided in one transaction."},
    {.name = "CLOSED_ROWS_KEPT_DAYS",
     .type = CONF_I64,
     .fallback = "400",
     .min = 200,
     .max = 36500,
     .unit = "days",
     .help =
         "After so long requests and what dedupes them, deadlines, messages to people and webhooks "
         "are deleted, once they are closed; longer than the outbox, 180 days, and any backup that "
         "is restored. "
         "Books, deals and calls about money stay."},
};
const size_t conf_engine_key_count = ARRAY_LEN(conf_engine_keys);

const struct conf_key conf_http_keys[] = {
    {.name = "HTTP_CONNECTIONS_PER_ADDRESS_MAX",
     .type = CONF_I64,
     .fallback = "256",
     .min = 0,
     .max = 8192,
     .unit = "connections",
     .help =
         "The most connections of one client address at the same time; more are closed at once. "
         "0: no limit, for behind a proxy, where all connections have the proxy's address."},
    {.name = "READY_LAG_MS",
     .type = CONF_I64,
     .fallback = "3000",
     .min = 0,
     .max = CONF_READY_LAG_MAX_MS,
     .unit = "ms",
     .help = "How long requests are still served after /readyz said 503 at the end, until whoever "
             "balances the load has seen it. 0: for one replica alone."},
};
const size_t conf_http_key_count = ARRAY_LEN(conf_http_keys);
