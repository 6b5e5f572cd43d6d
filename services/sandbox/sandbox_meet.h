#pragma once

#include "http/http.h"
#include "sandbox/sandbox.h"

/*
 * What it means to meet a fault, whichever provider is played: when the work is done, when it is
 * left out, when somebody waits, and when nothing is answered.
 */

/* What a provider brings; call is its own. */
struct sandbox_meet {
    /* Does what was asked and makes the answer. */
    struct status (*work)(void *call);
    /* Makes the answer that a fault of mode STATUS or GARBAGE wants instead. */
    struct status (*answer)(void *call, const struct sandbox_fault *fault);
};

/* The work with its fault. Lock held on entry and exit, given up while it waits. */
STATUS sandbox_meet_run(struct sandbox *sandbox, const struct sandbox_fault *fault,
                        const struct sandbox_meet *meet, void *call);
/* What is left of the fault once the work is done: a late answer, a dropped one. Lock held. */
void sandbox_meet_end(struct sandbox *sandbox, const struct sandbox_fault *fault);
/* True when the fault drops the answer: ret is one that ends before it is whole. */
bool sandbox_meet_drops(const struct sandbox_fault *fault, struct http_response *ret);
