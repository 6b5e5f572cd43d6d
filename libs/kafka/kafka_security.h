#pragma once

#include "conf/conf.h"
#include "kafka/kafka_conf.h"

/* What conf_kafka_keys say. Borrowed from conf. */
struct kafka_security kafka_security_of(const struct conf *conf);
