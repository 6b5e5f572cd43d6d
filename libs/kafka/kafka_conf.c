/*
 * The settings of every handle. librdkafka's defaults lose a new group's backlog, commit what was
 * not processed, skip checksums and create topics by accident: what follows settles each of them.
 */
#include "kafka/kafka_conf.h"

#include <stdio.h>
#include <string.h>

#include "base/defer.h"
#include "kafka/kafka_internal.h"

static const struct kafka_setting common_settings[] = {
    {"allow.auto.create.topics", "false"},
    {"statistics.interval.ms", "0"},
    {"socket.keepalive.enable", "true"},
    {"log.connection.close", "false"},
    /* Connect when opened, to all (three) brokers: when needed takes up to a second longer. */
    {"enable.sparse.connections", "false"},
    /* A broker that comes back is found within a second: a takeover must end within five. */
    {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "1000"},
    /* A new leader is learnt quickly; a known one is asked about every minute. */
    {"topic.metadata.refresh.fast.interval.ms", "100"},
    {"topic.metadata.refresh.interval.ms", "60000"},
};

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    const struct kafka_logger *logger = rd_kafka_opaque(rk);
    /* CONFWARN tells that allow.auto.create.topics does nothing for one kind of handle. */
    if (logger && logger->log && strcmp(facility, "CONFWARN") != 0) {
        logger->log(logger->context, level, str_of(facility), str_of(text));
    }
}

static STATUS set_one(struct op *op, rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[KAFKA_ERRSTR_BYTES];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK) {
        return op_fail(op, STATUS_STOP, "kafka.config", "%s: %s", name, why);
    }
    return OK;
}

STATUS kafka_conf_set(struct op *op, rd_kafka_conf_t *conf, const struct kafka_setting *settings,
                      size_t setting_count)
{
    for (size_t i = 0; i < setting_count; i++) {
        TRY(set_one(op, conf, settings[i].name, settings[i].value));
    }
    return OK;
}

STATUS kafka_conf_set_str(struct op *op, rd_kafka_conf_t *conf, const char *name, struct str value)
{
    if (value.len == 0) {
        return OK; /* not given: the default stays */
    }
    struct str copy = str_dup(op->arena, value);
    if (!copy.ptr) {
        return op_arena_full(op);
    }
    return set_one(op, conf, name, copy.ptr);
}

STATUS kafka_conf_set_number(struct op *op, rd_kafka_conf_t *conf, const char *name, int64_t value)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%lld", (long long)value);
    if (len < 0 || (size_t)len >= sizeof(text)) {
        return op_fail(op, STATUS_STOP, "kafka.config", "%s: not a number", name);
    }
    return set_one(op, conf, name, text);
}

/* Not by kafka_conf_set_str: the arena would keep a copy, and the reason would show the value. */
static STATUS set_password(struct op *op, rd_kafka_conf_t *conf, const struct secret *password)
{
    if (!password || password->len == 0) {
        return OK;
    }
    char text[SECRET_MAX_BYTES + 1];
    struct str plain = secret_reveal(password);
    memcpy(text, plain.ptr, plain.len);
    text[plain.len] = '\0';
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, "sasl.password", text, NULL, 0);
    explicit_bzero(text, sizeof(text));
    if (result != RD_KAFKA_CONF_OK) {
        return op_fail(op, STATUS_STOP, "kafka.config", "sasl.password is not accepted");
    }
    return OK;
}

static STATUS set_security(struct op *op, rd_kafka_conf_t *conf,
                           const struct kafka_security *security)
{
    TRY(kafka_conf_set_str(op, conf, "security.protocol", security->protocol));
    TRY(kafka_conf_set_str(op, conf, "sasl.mechanism", security->sasl_mechanism));
    TRY(kafka_conf_set_str(op, conf, "sasl.username", security->username));
    TRY(set_password(op, conf, security->password));
    return kafka_conf_set_str(op, conf, "ssl.ca.location", security->ca_location);
}

STATUS kafka_conf_new(struct op *op, const struct kafka_options *options,
                      struct kafka_logger *opaque, rd_kafka_conf_t **ret_conf)
{
    *opaque = (struct kafka_logger){.log = options->log, .context = options->log_context};
    if (options->brokers.len == 0) {
        return op_fail(op, STATUS_STOP, "kafka.config", "no brokers are given");
    }
    DEFER(kafka_conf_free_at) rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_opaque(conf, opaque);
    rd_kafka_conf_set_log_cb(conf, on_log);
    TRY(kafka_conf_set(op, conf, common_settings, ARRAY_LEN(common_settings)));
    TRY(kafka_conf_set_str(op, conf, "bootstrap.servers", options->brokers));
    TRY(kafka_conf_set_str(op, conf, "client.id", options->client_id));
    TRY(kafka_conf_set_number(op, conf, "message.max.bytes", KAFKA_MESSAGE_MAX_BYTES));
    TRY(set_security(op, conf, &options->security));
    *ret_conf = TAKE(conf);
    return OK;
}

STATUS kafka_conf_open(struct op *op, rd_kafka_type_t type, rd_kafka_conf_t **conf,
                       rd_kafka_t **ret_rk)
{
    char why[KAFKA_ERRSTR_BYTES];
    rd_kafka_t *rk = rd_kafka_new(type, *conf, why, sizeof(why));
    if (!rk) {
        return op_fail(op, STATUS_STOP, "kafka.config", "%s", why);
    }
    *conf = NULL;
    *ret_rk = rk;
    return OK;
}
