#include "base/mutex.h"

#include <errno.h>
#include <time.h>

#include "base/assert.h"
#include "base/clock.h"

void mutex_init(pthread_mutex_t *mutex)
{
    int failed = pthread_mutex_init(mutex, /* attr */ NULL);
    ASSERT(failed == 0);
}

void mutex_fini(pthread_mutex_t *mutex)
{
    int failed = pthread_mutex_destroy(mutex);
    ASSERT(failed == 0);
}

pthread_mutex_t *mutex_lock(pthread_mutex_t *mutex)
{
    int failed = pthread_mutex_lock(mutex);
    ASSERT(failed == 0);
    return mutex;
}

void mutex_unlock(pthread_mutex_t *mutex)
{
    int failed = pthread_mutex_unlock(mutex);
    ASSERT(failed == 0);
}

void mutex_unlock_at(pthread_mutex_t **held)
{
    mutex_unlock(*held);
}

void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    int failed = pthread_condattr_init(&attr);
    failed |= pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    failed |= pthread_cond_init(cond, &attr);
    failed |= pthread_condattr_destroy(&attr);
    ASSERT(failed == 0);
}

void cond_fini(pthread_cond_t *cond)
{
    int failed = pthread_cond_destroy(cond);
    ASSERT(failed == 0);
}

void cond_signal(pthread_cond_t *cond)
{
    int failed = pthread_cond_signal(cond);
    ASSERT(failed == 0);
}

void cond_broadcast(pthread_cond_t *cond)
{
    int failed = pthread_cond_broadcast(cond);
    ASSERT(failed == 0);
}

void cond_wait(pthread_cond_t *cond, pthread_mutex_t *held)
{
    int failed = pthread_cond_wait(cond, held);
    ASSERT(failed == 0);
}

/* clock_mono_ms goes on while the machine sleeps and a condition's clock does not: what is left counts. */
bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *held, int64_t until_ms)
{
    int64_t left_ms = until_ms - clock_mono_ms();
    if (left_ms <= 0) {
        return false;
    }
    struct timespec until;
    int failed = clock_gettime(CLOCK_MONOTONIC, &until);
    ASSERT(failed == 0);
    int64_t nanos = until.tv_nsec + (left_ms % 1000) * 1000000;
    until.tv_sec += (time_t)(left_ms / 1000 + nanos / 1000000000);
    until.tv_nsec = (long)(nanos % 1000000000);
    failed = pthread_cond_timedwait(cond, held, &until);
    ASSERT(failed == 0 || failed == ETIMEDOUT);
    return true;
}
