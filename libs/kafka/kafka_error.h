#pragma once

#include <stdbool.h>

#include "base/op.h"

/*
 * librdkafka's error codes as statuses, in one place. `code` is an rd_kafka_resp_err_t (int here, so
 * that no header of librdkafka is needed); `what` says what was tried.
 *
 * kafka.unavailable  RETRY  a broker, leader or coordinator is away, or did not answer in time
 * kafka.queue_full   RETRY  the local queue is full
 * kafka.failed       RETRY  the handle has failed for good and must be opened anew
 * kafka.too_large    LIMIT  a message is larger than the broker takes
 * bus.offset_gone    STOP   the offset is outside the log
 * kafka.denied       STOP   credentials or permissions
 * kafka.topic        STOP   no such topic or partition
 * kafka.corrupt      STOP   bytes that fail their checksum or cannot be read
 * kafka.unexpected   RETRY  anything else
 */
STATUS kafka_error(struct op *op, int code, const char *what, const char *detail);

/* True for faults that librdkafka heals by itself while the caller goes on. */
bool kafka_error_heals(int code);
