#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* POSIX mutexes and condition variables, as all our threads use them: what fails is a bug of ours
 * (ASSERT), and waiting ends by the clock of clock_mono_ms. */

void mutex_init(pthread_mutex_t *mutex);
void mutex_fini(pthread_mutex_t *mutex);
/* Returns the mutex: DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(&mutex); */
pthread_mutex_t *mutex_lock(pthread_mutex_t *mutex);
void mutex_unlock(pthread_mutex_t *mutex);
void mutex_unlock_at(pthread_mutex_t **held);

void cond_init(pthread_cond_t *cond);
void cond_fini(pthread_cond_t *cond);
void cond_signal(pthread_cond_t *cond);
void cond_broadcast(pthread_cond_t *cond);
/* Gives the held mutex up while it waits; returns after a signal, or for no reason. */
void cond_wait(pthread_cond_t *cond, pthread_mutex_t *held);
/* The same, at most until that moment of clock_mono_ms. false: it has passed. */
bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *held, int64_t until_ms);
