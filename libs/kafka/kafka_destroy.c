/*
 * Destroying a handle within a bound. librdkafka 2.0.2 sometimes waits for ever for a broker thread that something
 * still refers to; a process that is asked to end must end all the same.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/assert.h"
#include "kafka/kafka_internal.h"

/* Above the consumers' socket.timeout.ms: closing may wait that long for the answer to a last position. */
#define DESTROY_MAX_S 5

struct destroying {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    rd_kafka_t *rk;
    int flags;
    bool done;
    bool abandoned; /* whoever comes last frees this struct */
};

static void lock(struct destroying *self)
{
    int failed = pthread_mutex_lock(&self->lock);
    ASSERT(failed == 0);
}

static void unlock(struct destroying *self)
{
    int failed = pthread_mutex_unlock(&self->lock);
    ASSERT(failed == 0);
}

static void free_destroying(struct destroying *self)
{
    int failed = pthread_cond_destroy(&self->changed);
    failed |= pthread_mutex_destroy(&self->lock);
    ASSERT(failed == 0);
    free(self);
}

static void *destroy(void *arg)
{
    struct destroying *self = arg;
    rd_kafka_destroy_flags(self->rk, self->flags);
    lock(self);
    self->done = true;
    bool last = self->abandoned;
    int failed = pthread_cond_signal(&self->changed);
    ASSERT(failed == 0);
    unlock(self);
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
    int failed = pthread_mutex_init(&self->lock, NULL);
    failed |= pthread_cond_init(&self->changed, NULL);
    ASSERT(failed == 0);
    struct timespec until;
    failed = clock_gettime(CLOCK_REALTIME, &until);
    ASSERT(failed == 0);
    until.tv_sec += DESTROY_MAX_S;

    pthread_t thread;
    failed = pthread_create(&thread, NULL, destroy, self);
    ASSERT(failed == 0);
    failed = pthread_detach(thread);
    ASSERT(failed == 0);
    lock(self);
    int waited = 0;
    while (!self->done && waited != ETIMEDOUT) {
        waited = pthread_cond_timedwait(&self->changed, &self->lock, &until);
    }
    bool done = self->done;
    self->abandoned = !done;
    unlock(self);
    if (done) {
        free_destroying(self);
    }
    return done;
}
