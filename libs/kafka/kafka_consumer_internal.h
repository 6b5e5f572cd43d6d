#pragma once

#include "kafka/kafka_consumer.h"
#include "kafka/kafka_internal.h"

struct kafka_consumer {
    struct kafka_logger logger; /* first: the handle's opaque */
    struct arena arena;         /* this struct lives in it */
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    bool commits; /* a group id was given */
};
