#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/op.h"
#include "base/secret.h"
#include "base/str.h"

/*
 * Configuration comes from the environment, by one table for each service. Every key X may be given
 * as X or, where the value lies in a file, as X_FILE. All mistakes are told at once; a mistake names
 * the variable and never its value. After loading everything is const.
 */

enum conf_type {
    CONF_NONE = 0,
    CONF_STR,         /* UTF-8 text of min to max bytes; one of `choices` where these are given */
    CONF_I64,         /* decimal, min to max */
    CONF_SECRET,      /* min to max bytes, at most SECRET_MAX_BYTES; never printed */
    CONF_SECRET_LIST, /* comma separated secrets, min to max of them */
    CONF_DATABASE,    /* libpq's URI or conninfo; secret, because it may hold a password */
    CONF_LISTEN,      /* host:port or [v6]:port, a numeric address; port 0: any free one */
    CONF_URL,         /* http:// or https:// with a host; no user, query or fragment */
    CONF_LIST,        /* comma separated texts without blanks, min to max of them */
    CONF_TYPE_COUNT,
};

#define CONF_VALUE_MAX_BYTES 8192
#define CONF_LIST_MAX 16
#define CONF_KEYS_MAX 64

struct conf_key {
    const char *name; /* "STRIPE_SECRET_KEY" */
    enum conf_type type;
    const char *unit;        /* "ms", "bytes"; NULL: none */
    int64_t min, max;        /* see conf_type; both 0: no bound beyond the type's own */
    const char *fallback;    /* the default, as it would be written; NULL: none */
    bool required;           /* must be given: there is no default that is right */
    const char *required_if; /* "OTHER=prefix": required when OTHER begins so; NULL: never */
    const char *choices;     /* CONF_STR: "development|test|production" */
    const char
        *not_in_production; /* prefixes refused in production: "sk_test_|rk_test_"; NULL: none */
    const char *help;       /* one sentence, for --help and docs/config.md */
};

/* The keys that every service has. HOLDFAST_ENV and LOG_LEVEL, ADMIN_LISTEN: */
extern const struct conf_key conf_common_keys[];
extern const size_t conf_common_key_count;
/* … those of whoever speaks to Kafka: KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_…, KAFKA_CA_PATH … */
extern const struct conf_key conf_kafka_keys[];
extern const size_t conf_kafka_key_count;
/* … those of a service with lanes: DATABASE_URL, KAFKA_BROKERS, ENGINE_THREADS … */
extern const struct conf_key conf_engine_keys[];
extern const size_t conf_engine_key_count;
/* … and those of a service that takes requests from outside: HTTP_CONNECTIONS_PER_ADDRESS_MAX,
 * READY_LAG_MS. */
extern const struct conf_key conf_http_keys[];
extern const size_t conf_http_key_count;
#define CONF_READY_LAG_MAX_MS 6000

enum conf_env {
    CONF_ENV_NONE = 0,
    CONF_ENV_DEVELOPMENT,
    CONF_ENV_TEST,
    CONF_ENV_PRODUCTION,
    CONF_ENV_COUNT,
};

struct conf_address {
    struct str host; /* numeric, without brackets */
    uint16_t port;
};

/* What conf_load puts together: the common keys, those of `engine`, `kafka` and `http` where these are set,
 * and own ones. */
struct conf_tables {
    const struct conf_key *keys; /* the service's own */
    size_t key_count;
    bool engine; /* and `kafka` */
    bool kafka;
    bool http;
    bool tool; /* no common keys but its own: a program that an operator runs by hand */
};

struct conf; /* lives in the arena of the op that loaded it */

/*
 * Reads and checks everything. Fails only by op.arena_full: mistakes are in conf_mistakes, and the
 * getters may be called only when there are none. environment is a NULL-terminated array of
 * "NAME=value", as `environ`; it is copied.
 */
STATUS conf_load(struct op *op, const struct conf_tables *tables, char *const *environment,
                 struct conf **ret_conf);
/* The process's own environment, for conf_load. */
char *const *conf_environment(void);
/* Wipes the secrets; the memory goes with its arena. Accepts NULL. */
void conf_wipe(struct conf *conf);

/* One line for each mistake, "NAME: what is wrong\n"; empty when there is none. */
struct str conf_mistakes(const struct conf *conf);

/* ASSERT that the table has the key with this type (SECRET and DATABASE: conf_secret). */
struct str conf_str(const struct conf *conf, const char *name); /* STR, URL; LIST: as written */
int64_t conf_i64(const struct conf *conf, const char *name);
const struct secret *conf_secret(const struct conf *conf, const char *name);
struct conf_address conf_address(const struct conf *conf, const char *name);
/* LIST: the texts. */
uint32_t conf_list(const struct conf *conf, const char *name, const struct str **ret_items);
uint32_t conf_secrets(const struct conf *conf, const char *name, const struct secret **ret_items);
/* True when the variable (or its _FILE) was given, or has a default. */
bool conf_given(const struct conf *conf, const char *name);
enum conf_env conf_env(const struct conf *conf);

/* Texts for people, in op->arena: --print-config (secrets masked), --help, --print-config-docs
 * (a Markdown table). */
STATUS conf_print(struct op *op, const struct conf *conf, struct str *ret_text);
STATUS conf_help(struct op *op, const struct conf_tables *tables, struct str *ret_text);
STATUS conf_docs(struct op *op, const struct conf_tables *tables, struct str service,
                 struct str *ret_text);
