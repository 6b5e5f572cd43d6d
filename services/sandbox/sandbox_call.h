#pragma once

#include "http/http.h"
#include "sandbox/sandbox.h"

/*
 * What every call of the provider's API goes through: the key, the form, idempotency, the faults
 * that tests asked for. Only what is left is in sandbox_in_stripe.c.
 */

struct sandbox_call;

/*
 * Does the work and renders the answer's body with the lock held. A refusal becomes the answer; a
 * failed status (the world is full) becomes a 500.
 */
typedef struct status sandbox_work(struct sandbox_call *call, struct sandbox_refusal *ret_refusal);

struct sandbox_call {
    struct op *op;
    struct sandbox *sandbox;
    const struct http_request *req;
    sandbox_work *work;
    struct sandbox_form form; /* the body of a POST, the query of a GET */
    struct str key;           /* Idempotency-Key; empty: none */
    int64_t now_s;
    struct sandbox_answer answer; /* what the work makes; in op->arena until it is kept */
};

STATUS sandbox_call_run(struct op *op, struct sandbox *sandbox, const struct http_request *req,
                        sandbox_work *work, struct http_response *ret);
