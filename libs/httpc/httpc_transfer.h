#pragma once

#include <curl/curl.h>

#include "httpc/httpc.h"

/* Inside libs/httpc: one request and its answer on one curl handle, whoever drives the handle. */

struct httpc_transfer {
    CURL *easy; /* the owner's */
    struct op *op;
    struct curl_slist *headers;
    struct strbuf body;
    size_t body_max_bytes;
    bool headers_whole; /* of the answer */
    bool too_large;
    bool late;
    bool may_be_sent; /* a connection stood and the request was let go, if only once */
    int64_t not_after_ms;
    int64_t began_us;
};

/* Sets the handle up. op->arena holds copies of the request and later the answer; op must live
 * until finish. STATUS_INVALID "httpc.request", STATUS_LIMIT; finish must be called then too. */
STATUS httpc_transfer_begin(struct op *op, struct httpc_transfer *transfer,
                            const struct httpc_options *options,
                            const struct httpc_request *request);
/* What became of it. The handle is free for the next one. */
void httpc_transfer_finish(struct httpc_transfer *transfer, CURLcode result,
                           struct httpc_answer *ret_answer);
/* The answer for a request that could not even begin. */
void httpc_transfer_refused(struct httpc_transfer *transfer, struct httpc_answer *ret_answer);

/* Once per process. */
void httpc_global_init(void);
