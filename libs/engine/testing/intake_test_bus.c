/* Produced messages in an array, under one mutex; wait and wake by one condition. */
#include "engine/testing/intake_test_bus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/defer.h"
#include "base/mutex.h"

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
    int64_t until_ms = clock_mono_ms() + timeout_ms;
    DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(&self->mutex);
    while (!self->woken && cond_wait_until(&self->changed, held, until_ms)) {
    }
    self->woken = false;
}

static void memory_rest(struct bus *bus, int64_t timeout_us)
{
    (void)bus;
    const struct timespec pause = {.tv_nsec = timeout_us * 1000};
    (void)nanosleep(&pause, NULL);
}

static void memory_wake(struct bus *bus)
{
    struct memory_bus *self = memory_of(bus);
    mutex_lock(&self->mutex);
    self->woken = true;
    cond_broadcast(&self->changed);
    mutex_unlock(&self->mutex);
}

static STATUS memory_produce(struct op *op, struct bus *bus, const struct bus_message *message)
{
    (void)op;
    struct memory_bus *self = memory_of(bus);
    ASSERT(message->n == 0);
    ASSERT(message->topic == self->topic);
    ASSERT(message->key.len == ID_TEXT_BYTES - 1);
    mutex_lock(&self->mutex);
    ASSERT(self->produced_count < MEMORY_MAX);
    self->partitions[self->produced_count] = message->partition;
    self->produced[self->produced_count++] = message->message_id;
    cond_broadcast(&self->changed);
    mutex_unlock(&self->mutex);
    return OK;
}

static void memory_hurry(struct bus *bus)
{
    (void)bus; /* nothing lingers here */
}

static bool memory_delivered(struct bus *bus, struct bus_delivery *ret_delivery)
{
    struct memory_bus *self = memory_of(bus);
    mutex_lock(&self->mutex);
    bool any = self->acknowledges && self->reported_count < self->produced_count;
    if (any) {
        uint32_t at = self->reported_count++;
        *ret_delivery = (struct bus_delivery){.topic = self->topic,
                                              .partition = self->partitions[at],
                                              .message_id = self->produced[at],
                                              .ok = !self->breaks};
    }
    mutex_unlock(&self->mutex);
    return any;
}

static uint32_t memory_in_flight(struct bus *bus)
{
    struct memory_bus *self = memory_of(bus);
    mutex_lock(&self->mutex);
    uint32_t count = self->produced_count - self->reported_count;
    mutex_unlock(&self->mutex);
    return count;
}

static STATUS memory_reset(struct op *op, struct bus *bus)
{
    (void)op;
    struct memory_bus *self = memory_of(bus);
    mutex_lock(&self->mutex);
    self->reset_count++;
    self->breaks = false;
    cond_broadcast(&self->changed);
    mutex_unlock(&self->mutex);
    return OK;
}

static const struct bus_ops memory_ops = {
    .close = memory_close,
    .wait = memory_wait,
    .rest = memory_rest,
    .wake = memory_wake,
    .hurry = memory_hurry,
    .produce = memory_produce,
    .delivered = memory_delivered,
    .in_flight = memory_in_flight,
    .reset_producer = memory_reset,
};

void memory_bus_await(struct memory_bus *self, const uint32_t *counter, uint32_t wanted)
{
    int64_t until_ms = clock_mono_ms() + MEMORY_PATIENCE_MS;
    mutex_lock(&self->mutex);
    while (*counter < wanted && cond_wait_until(&self->changed, &self->mutex, until_ms)) {
    }
    uint32_t got = *counter;
    mutex_unlock(&self->mutex);
    assert_int_equal(got, wanted);
}

void memory_bus_init(struct memory_bus *self, enum topic topic)
{
    *self = (struct memory_bus){.bus = {.ops = &memory_ops}, .topic = topic};
    mutex_init(&self->mutex);
    cond_init(&self->changed);
}

static void set_reports(struct memory_bus *self, bool acknowledges, bool breaks)
{
    mutex_lock(&self->mutex);
    self->acknowledges = acknowledges;
    self->breaks = breaks;
    mutex_unlock(&self->mutex);
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
