#pragma once

#include "http/http.h"
#include "obs/metrics.h"

/*
 * What is said about every answer of a server: counted by route and class of status, refusals by
 * their code, and a line in the log. Metrics: holdfast_http_requests_total,
 * holdfast_http_request_seconds, holdfast_http_refusals_total. Thread-safe once it is made.
 */

#define HTTP_OBSERVER_FAMILIES_MAX 8

struct http_observer_options {
    struct metrics *metrics;
    const struct http_route *routes; /* those of the server; borrowed for ever */
    uint32_t route_count;
    /* Beginnings of the codes ("user.") that this service refuses with, besides those of the
     * libraries that take requests in. A refusal with any other code counts as "other". */
    const char *families[HTTP_OBSERVER_FAMILIES_MAX];
};

struct http_observer;

/* In op->arena, at boot. ASSERTs that the arena and the metrics have room. */
struct http_observer *http_observer_new(struct op *op, const struct http_observer_options *options);

/* Fit for a service's http_observe. */
void http_observer_note(struct op *op, struct http_observer *observer,
                        const struct http_seen *seen);
