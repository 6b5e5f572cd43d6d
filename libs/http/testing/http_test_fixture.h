#pragma once

#include <stdatomic.h>

#include "http/http_server.h"

/* For the tests of libs/http: a server with one route of each kind, and a client that sends exactly
 * the bytes that it is told. Every function fails the test by itself. */

#define ANSWER_MAX_BYTES (512 * 1024)
#define WAIT_MS 60000
#define BIG_BODY_BYTES (32 * 1024)

struct fixture {
    struct arena arena;
    struct op op;
    struct http_server *server;
    _Atomic uint32_t calls; /* of handlers */
    _Atomic uint32_t seen;  /* by the observer */
    _Atomic int32_t last_status;
    _Atomic(const char *) last_code;
    _Atomic bool hold; /* the slow handler waits while this is true */
    _Atomic uint32_t streams_closed;
    uint8_t body[BIG_BODY_BYTES];
    size_t body_len;
};

extern const struct http_route fixture_routes[];
extern const uint32_t fixture_route_count;

http_authenticate fixture_authenticate;
struct fixture *fixture_new(void);
void fixture_free(struct fixture *fixture);
/* Fills in host, routes and callbacks. */
void fixture_open(struct fixture *fixture, struct http_options options);
/* For cmocka. */
int fixture_setup(void **state);
int fixture_setup_quick(void **state); /* with short time limits */
int fixture_teardown(void **state);

int dial(const struct fixture *fixture);
int dial_from(const struct fixture *fixture, const char *address); /* one of 127.0.0.0/8 */
void put(int fd, struct str bytes);
/* Reads until the other side closes, or until `stop_at` has been seen. */
struct str take_until(int fd, struct arena *arena, const char *stop_at);
/* One request on a connection of its own; the answer until the server closes. */
struct str exchange(const struct fixture *fixture, struct arena *arena, struct str request);
bool contains(struct str text, const char *what);
void assert_answer(struct str answer, const char *status, const char *what);

#define HEAD(method, path) method " " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
#define JSON "Content-Type: application/json\r\n"
