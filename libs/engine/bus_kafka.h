#pragma once

#include "engine/bus.h"
#include "kafka/kafka_conf.h"

/* The bus over Apache Kafka (libs/kafka): one consumer, one producer, one small consumer for tails. */

struct bus_kafka_options {
    struct str brokers;      /* host:port,host:port */
    struct str group_id;     /* positions are committed under it, for lag tools; empty: never */
    struct str client_id;    /* seen in the brokers' logs and quotas */
    struct str source;       /* ce_source of what is produced: the service's name */
    struct str topic_prefix; /* before each topic's name; empty but in tests */
    uint32_t linger_ms;      /* producer: how long a batch waits for company */
    uint32_t queue_records; /* consumer: what may wait in this bus (kafka_consumer.h); 0: default */
    uint32_t queue_kbytes;
    struct kafka_security security;
    kafka_log *log; /* NULL: silence */
    void *log_context;
};

/* Messages produced and not yet fetched by `delivered`; beyond it produce answers STATUS_RETRY. */
#define BUS_KAFKA_IN_FLIGHT_MAX 16384

/* Opens without waiting for a broker: that is cluster_id's part. All options are copied. */
STATUS bus_kafka_open(struct op *op, const struct bus_kafka_options *options, struct bus **ret_bus);
