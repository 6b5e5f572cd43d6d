#include "json/json_write.h"
#include "svc/svc_internal.h"

/* The admin port: /livez, /readyz, /metrics. Answers from memory alone, while draining too. */

#define ADMIN_DEADLINE_MS 2000
#define ADMIN_CONNECTIONS_MAX 32
#define ADMIN_BODY_MAX_BYTES 4096
/* A page grows by doubling in the arena, which never gives back: three times the page. */
#define ADMIN_METRICS_ARENA_BYTES ((uint32_t)(3 * METRICS_PAGE_MAX_BYTES))

static struct status get_livez(struct op *op, void *deps, const struct http_request *req,
                               struct http_response *ret)
{
    (void)op;
    (void)deps;
    (void)req;
    ret->body = STR("{\"live\":true}");
    return OK;
}

/* Ready is: the service said so, nobody asked it to end, and every check holds. */
static struct status get_readyz(struct op *op, void *deps, const struct http_request *req,
                                struct http_response *ret)
{
    struct svc *svc = deps;
    struct str ignored;
    bool verbose = http_request_query(req, STR("verbose"), &ignored);
    bool stopping = svc_stopping(svc);
    bool started = atomic_load(&svc->ready);
    bool ready = started && !stopping;
    struct json_writer out;
    json_write_init(&out, op->arena, ADMIN_BODY_MAX_BYTES);
    json_write_object(&out, NULL);
    if (verbose) {
        json_write_object(&out, "checks");
        json_write_bool(&out, "started", started);
        json_write_bool(&out, "not_stopping", !stopping);
    }
    uint32_t count = atomic_load(&svc->check_count);
    for (uint32_t i = 0; i < count; i++) {
        bool holds = svc->checks[i].check(svc->checks[i].ctx);
        ready = ready && holds;
        if (verbose) {
            json_write_bool(&out, svc->checks[i].name, holds);
        }
    }
    if (verbose) {
        json_write_end(&out);
    }
    json_write_bool(&out, "ready", ready);
    json_write_end(&out);
    ret->status = ready ? 200 : 503;
    return json_write_finish(op, &out, &ret->body);
}

static struct status get_metrics(struct op *op, void *deps, const struct http_request *req,
                                 struct http_response *ret)
{
    (void)req;
    struct svc *svc = deps;
    ret->content_type = STR(METRICS_CONTENT_TYPE);
    return metrics_render(op, svc->metrics, &ret->body);
}

static const struct http_route admin_routes[] = {
    {.method = HTTP_GET,
     .path = "/livez",
     .deadline_ms = ADMIN_DEADLINE_MS,
     .handler = get_livez,
     .flags = HTTP_ROUTE_WHILE_DRAINING},
    {.method = HTTP_GET,
     .path = "/readyz",
     .deadline_ms = ADMIN_DEADLINE_MS,
     .handler = get_readyz,
     .flags = HTTP_ROUTE_WHILE_DRAINING},
    {.method = HTTP_GET,
     .path = "/metrics",
     .deadline_ms = ADMIN_DEADLINE_MS,
     .handler = get_metrics,
     .flags = HTTP_ROUTE_WHILE_DRAINING,
     .arena_bytes = ADMIN_METRICS_ARENA_BYTES},
};

STATUS svc_admin_open(struct op *op, struct svc *svc)
{
    struct conf_address address = conf_address(svc->conf, "ADMIN_LISTEN");
    const struct http_options options = {
        .host = address.host,
        .port = address.port,
        .routes = admin_routes,
        .route_count = ARRAY_LEN(admin_routes),
        .deps = svc,
        .connections_max = ADMIN_CONNECTIONS_MAX,
    };
    return http_server_open(op, &options, &svc->admin);
}

void svc_admin_close(struct svc *svc)
{
    http_server_free(svc->admin);
    svc->admin = NULL;
}

uint16_t svc_admin_port(const struct svc *svc)
{
    return svc->admin ? http_server_port(svc->admin) : 0;
}
