#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/op.h"
#include "base/secret.h"

/*
 * How every handle on Kafka is configured. libs/kafka is the only user of librdkafka; whatever is
 * dangerous in its defaults is settled in kafka_conf.c, once, and each setting is checked.
 */

/* Kafka limits batches, not messages (a value is BUS_VALUE_MAX_BYTES at most): what an engine's batch
 * leads to in one lane goes in one request, usually. The topics themselves take a little more
 * (KAFKA_TOPIC_BATCH_MAX_BYTES), so our limit is the one that is met. */
#define KAFKA_MESSAGE_MAX_BYTES 490000
#define KAFKA_TOPIC_BATCH_MAX_BYTES 500000

/* Empty fields are left at librdkafka's defaults: plain text, no authentication. */
struct kafka_security {
    struct str protocol;           /* plaintext, ssl, sasl_plaintext, sasl_ssl */
    struct str sasl_mechanism;     /* SCRAM-SHA-512, ... */
    struct str username;           /* SASL user name */
    const struct secret *password; /* NULL: none; must outlive the handle that is opened with it */
    struct str ca_location;        /* file or folder of certificates to trust */
};

/* A line from librdkafka. level is syslog's (3 error .. 7 debug). Called from its threads. */
typedef void kafka_log(void *context, int level, struct str facility, struct str text);

/* What all handles need. The slices are copied by the open functions. */
struct kafka_options {
    struct str brokers; /* host:port,host:port */
    struct str client_id;
    struct kafka_security security;
    kafka_log *log; /* NULL: silence */
    void *log_context;
};
