#pragma once

#include <stdatomic.h>

#include "http/http_server.h"
#include "svc/svc.h"

/* What the parts of libs/svc share. */

#define SVC_TEXT_MAX_BYTES ((size_t)128 * 1024)

struct svc_named_check {
    const char *name;
    svc_check *check;
    void *ctx;
};

struct svc {
    struct conf *conf;
    struct metrics *metrics;
    struct http_server *admin; /* NULL: none */
    int signal_fd;
    int wake_fd;
    _Atomic bool ready;
    _Atomic bool stopping;
    _Atomic bool failed;
    struct svc_named_check checks[SVC_CHECKS_MAX];
    _Atomic uint32_t check_count;
};

/* Listens on ADMIN_LISTEN. */
STATUS svc_admin_open(struct op *op, struct svc *svc);
void svc_admin_close(struct svc *svc);
