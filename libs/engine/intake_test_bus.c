/* Produced messages in an array, under one mutex; wait and wake by one condition. */
#include "engine/intake_test_bus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

#include "base/assert.h"

static struct memory_bus *memory_of(struct bus *bus)
{
    return (struct memory_bus *)(void *)bus;
}

static void memory_close(struct bus *bus)
{
    memory_of(bus)->closed = true;
}

static void memory_wait(struct bus *bus, int64_t timeout_ms)
{
    struct memory_bus *self = memory_of(bus);
    struct timespec until;
    int failed = clock_gettime(CLOCK_REALTIME, &until);
    ASSERT(failed == 0);
    int64_t nanos = until.tv_nsec + (timeout_ms % 1000) * 1000000;
    until.tv_sec += (time_t)(timeout_ms / 1000 + nanos / 1000000000);
    until.tv_nsec = (long)(nanos % 1000000000);
    pthread_mutex_lock(&self->mutex);
    while (!self->woken && failed == 0) {
        failed = pthread_cond_timedwait(&self->changed, &self->mutex, &until);
    }
    self->woken = false;
    pthread_mutex_unlock(&self->mutex);
}

static void memory_wake(struct bus *bus)
{
    struct memory_bus *self = memory_of(bus);
    pthread_mutex_lock(&self->mutex);
    self->woken = true;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->mutex);
}

static STATUS memory_produce(struct op *op, struct bus *bus, const struct bus_message *message)
{
    (void)op;
    struct memory_bus *self = memory_of(bus);
    ASSERT(message->n == 0);
    ASSERT(message->topic == self->topic);
    ASSERT(message->key.len == ID_TEXT_BYTES - 1);
    pthread_mutex_lock(&self->mutex);
    ASSERT(self->produced_count < MEMORY_MAX);
    self->partitions[self->produced_count] = message->partition;
    self->produced[self->produced_count++] = message->message_id;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->mutex);
    return OK;
}

static void memory_hurry(struct bus *bus)
{
    (void)bus; /* nothing lingers here */
}

static bool memory_delivered(struct bus *bus, struct bus_delivery *ret_delivery)
{
    struct memory_bus *self = memory_of(bus);
    pthread_mutex_lock(&self->mutex);
    bool any = self->acknowledges && self->reported_count < self->produced_count;
    if (any) {
        uint32_t at = self->reported_count++;
        *ret_delivery = (struct bus_delivery){.topic = self->topic,
                                              .partition = self->partitions[at],
                                              .message_id = self->produced[at],
                                              .ok = !self->breaks};
    }
    pthread_mutex_unlock(&self->mutex);
    return any;
}

static uint32_t memory_in_flight(struct bus *bus)
{
    struct memory_bus *self = memory_of(bus);
    pthread_mutex_lock(&self->mutex);
    uint32_t count = self->produced_count - self->reported_count;
    pthread_mutex_unlock(&self->mutex);
    return count;
}

static STATUS memory_reset(struct op *op, struct bus *bus)
{
    (void)op;
    struct memory_bus *self = memory_of(bus);
    pthread_mutex_lock(&self->mutex);
    self->reset_count++;
    self->breaks = false;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->mutex);
    return OK;
}

static const struct bus_ops memory_ops = {
    .close = memory_close,
    .wait = memory_wait,
    .wake = memory_wake,
    .hurry = memory_hurry,
    .produce = memory_produce,
    .delivered = memory_delivered,
    .in_flight = memory_in_flight,
    .reset_producer = memory_reset,
};

void memory_bus_await(struct memory_bus *self, const uint32_t *counter, uint32_t wanted)
{
    struct timespec until;
    int failed = clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += MEMORY_PATIENCE_MS / 1000;
    pthread_mutex_lock(&self->mutex);
    while (*counter < wanted && failed == 0) {
        failed = pthread_cond_timedwait(&self->changed, &self->mutex, &until);
    }
    uint32_t got = *counter;
    pthread_mutex_unlock(&self->mutex);
    assert_int_equal(got, wanted);
}

void memory_bus_init(struct memory_bus *self, enum topic topic)
{
    *self = (struct memory_bus){.bus = {.ops = &memory_ops},
                                .mutex = PTHREAD_MUTEX_INITIALIZER,
                                .changed = PTHREAD_COND_INITIALIZER,
                                .topic = topic};
}

static void set_reports(struct memory_bus *self, bool acknowledges, bool breaks)
{
    pthread_mutex_lock(&self->mutex);
    self->acknowledges = acknowledges;
    self->breaks = breaks;
    pthread_mutex_unlock(&self->mutex);
    memory_wake(&self->bus);
}

void memory_bus_acknowledge(struct memory_bus *self, bool breaks)
{
    set_reports(self, true, breaks);
}

void memory_bus_silence(struct memory_bus *self)
{
    set_reports(self, false, false);
}
