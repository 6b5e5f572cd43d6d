/*
 * Destroying a handle within a bound. librdkafka 2.0.2 sometimes waits for ever for a broker thread that something
 * still refers to; a process that is asked to end must end all the same.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "kafka/kafka_internal.h"

/* Above the consumers' socket.timeout.ms: closing may wait that long for the answer to a last position. */
#define DESTROY_MAX_MS 5000

struct destroying {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    rd_kafka_t *rk;
    int flags;
    bool done;
    bool abandoned; /* whoever comes last frees this struct */
};

static void free_destroying(struct destroying *self)
{
    cond_fini(&self->changed);
    mutex_fini(&self->lock);
    free(self);
}

static void *destroy(void *arg)
{
    struct destroying *self = arg;
    rd_kafka_destroy_flags(self->rk, self->flags);
    mutex_lock(&self->lock);
    self->done = true;
    bool last = self->abandoned;
    cond_signal(&self->changed);
    mutex_unlock(&self->lock);
    if (last) {
        free_destroying(self);
    }
    return NULL;
}

bool kafka_destroy(rd_kafka_t *rk, int flags)
{
    struct destroying *self = calloc(1, sizeof(*self)); /* LINT-OK: may outlive its caller */
    ASSERT(self);
    self->rk = rk;
    self->flags = flags;
    mutex_init(&self->lock);
    cond_init(&self->changed);
    int64_t until_ms = clock_mono_ms() + DESTROY_MAX_MS;

    pthread_t thread;
    int failed = pthread_create(&thread, NULL, destroy, self);
    ASSERT(failed == 0);
    failed = pthread_detach(thread);
    ASSERT(failed == 0);
    mutex_lock(&self->lock);
    while (!self->done && cond_wait_until(&self->changed, &self->lock, until_ms)) {
    }
    bool done = self->done;
    self->abandoned = !done;
    mutex_unlock(&self->lock);
    if (done) {
        free_destroying(self);
    }
    return done;
}
