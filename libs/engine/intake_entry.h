#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "engine/intake.h"

/*
 * A request on its way to the database, with its own copy of all that it points to: the thread that
 * submits it may leave at its deadline.
 */
struct intake_entry {
    struct intake_entry *next;  /* in the queue */
    struct intake_entry *chain; /* in the set of ids that are being stored */
    struct intake_request request;
    size_t bytes; /* of the allocation */

    /* Written by the committing thread, read by the submitting one when finished is set. */
    enum intake_result result;
    struct status status;
    struct op_err err;

    /* Under the intake's mutex. */
    bool finished;
    uint32_t holders; /* the submitting and the committing thread; the last one frees it */
    pthread_cond_t changed;
};

/* Bytes of the allocation that intake_entry_new makes. */
size_t intake_entry_bytes(const struct intake_request *request);
/* Held by two; NULL when there is no memory. */
struct intake_entry *intake_entry_new(const struct intake_request *request);
void intake_entry_free(struct intake_entry *entry);
