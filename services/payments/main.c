/* holdfast-payments: payments.commands.v1 and the provider's webhooks in; payments.events.v1 and
 * calls to the provider out. The one process that holds the provider's keys. */
#include <string.h>

#include "effects/effects.h"
#include "engine/engine_run.h"
#include "engine/intake_run.h"
#include "http/http_observer.h"
#include "http/http_server.h"
#include "obs/log.h"
#include "payments/payments_clerk.h"
#include "payments/payments_conf.h"
#include "payments/payments_in_webhook.h"
#include "payments/payments_out_calls.h"
#include "payments/payments_pace.h"
#include "payments/payments_service.h"
#include "payments/payments_watch.h"
#include "svc/svc.h"

/* What holds a call back before it is sent. */
struct holds {
    struct payments_switch rail_switch;
    struct payments_pace pace;
};

static int64_t held(void *ctx, const struct effects_request *request)
{
    struct holds *holds = ctx;
    int64_t wait_ms = payments_switch_held(&holds->rail_switch, request);
    return wait_ms > 0 ? wait_ms : payments_pace_held(&holds->pace, request);
}

static struct holds *make_holds(struct op *op, const struct payments_conf *conf,
                                struct metrics *metrics)
{
    struct holds *holds = arena_new(op->arena, struct holds, 1);
    struct id random = id_random();
    uint64_t seed;
    if (holds) {
        memcpy(&seed, random.bytes + sizeof(random.bytes) - sizeof(seed), sizeof(seed));
        payments_switch_init(&holds->rail_switch, metrics);
        payments_pace_init(&holds->pace, conf->questions_per_second, seed, metrics);
    }
    return holds;
}

static void end_holds(struct holds **holds)
{
    if (*holds) {
        payments_pace_fini(&(*holds)->pace);
    }
}

static struct status open_caller(struct op *op, const struct payments_conf *conf,
                                 struct payments_watch *watch, struct holds *holds,
                                 struct metrics *metrics, struct caller **ret_caller)
{
    struct secret *key = arena_new(op->arena, struct secret, 1);
    if (!key) {
        return op_arena_full(op);
    }
    *key = *conf->api_key; /* build's deps are not const */
    const struct effects_options options = {
        .slots = PAYMENTS_CALL_SLOTS,
        .base_url = conf->api_base,
        .allow_http = conf->allow_http,
        .build = payments_out_calls_build,
        .deps = key,
        .metrics = metrics,
        .breaker = true,
        .held = held,
        .held_ctx = holds,
        .seen = payments_watch_seen,
        .seen_ctx = watch,
    };
    return effects_open(op, &options, ret_caller);
}

static struct http_observer *make_observer(struct op *op, struct svc *svc)
{
    const struct http_observer_options options = {
        .metrics = svc_metrics(svc),
        .routes = payments_routes,
        .route_count = payments_route_count,
        .families = {"payments."},
    };
    return http_observer_new(op, &options);
}

static void observe(struct op *op, void *deps, const struct http_seen *seen)
{
    struct payments_webhook_deps *webhook = deps;
    http_observer_note(op, webhook->observer, seen);
}

static struct status open_server(struct op *op, const struct payments_conf *conf,
                                 struct payments_webhook_deps *deps, struct metrics *metrics,
                                 struct http_server **ret_server)
{
    const struct http_options options = {
        .host = conf->listen.host,
        .port = conf->listen.port,
        .routes = payments_routes,
        .route_count = payments_route_count,
        .deps = deps,
        .observe = observe,
        .per_address_max = conf->per_address_max,
        .metrics = metrics,
    };
    TRY(http_server_open(op, &options, ret_server));
    log_info(op, "payments.listening", LOG_I64("port", http_server_port(*ret_server)));
    return OK;
}

static struct status open_clerk(struct op *op, struct svc *svc, const struct payments_conf *conf,
                                struct payments_census *census, struct payments_switch *rail_switch,
                                struct payments_clerk **ret_clerk)
{
    const struct payments_clerk_options options = {
        .database_url = secret_reveal(conf_secret(svc_conf(svc), "DATABASE_URL")),
        .census = census,
        .rail_switch = rail_switch,
        .conf = conf,
    };
    return payments_clerk_open(op, &options, ret_clerk);
}

static struct status run(struct op *op, struct svc *svc)
{
    struct payments_conf conf;
    TRY(payments_conf_read(op, svc_conf(svc), &conf));

    struct payments_watch *watch =
        arena_new(op->arena, struct payments_watch, 1); /* the metrics page reads it */
    DEFER(end_holds)
    struct holds *holds = make_holds(op, &conf, svc_metrics(svc)); /* longer than the caller */
    if (!watch || !holds) {
        return op_arena_full(op);
    }
    payments_watch_init(watch, svc_metrics(svc));
    DEFER(payments_census_fini) struct payments_census census;
    payments_census_init(&census, svc_metrics(svc));
    DEFER(payments_clerk_close_at) struct payments_clerk *clerk = NULL;
    TRY(open_clerk(op, svc, &conf, &census, &holds->rail_switch, &clerk));
    DEFER(effects_free_at) struct caller *caller = NULL;
    TRY(open_caller(op, &conf, watch, holds, svc_metrics(svc), &caller));
    watch->caller = caller;
    DEFER(engine_run_close_at) struct engine_run *engine = NULL;
    const struct engine_run_options engine_options = {
        .service = &payments_service, .caller = caller, .set_wake = effects_set_wake};
    TRY(engine_run_open(op, svc, &engine_options, &engine));

    DEFER(intake_run_close_at) struct intake_run *intake = NULL;
    TRY(intake_run_open(op, svc, payments_service.name, /* backlog_max_ms: all news is taken */ 0,
                        &intake));
    DEFER(payments_in_webhook_fini)
    struct payments_webhook_deps deps = {
        .secrets = conf.webhook_secrets,
        .secret_count = conf.webhook_secret_count,
        .live = conf.live,
        .intake = intake_run_intake(intake),
        .observer = make_observer(op, svc),
    };
    payments_in_webhook_init(&deps, svc_metrics(svc));
    DEFER(http_server_free_at) struct http_server *server = NULL;
    TRY(open_server(op, &conf, &deps, svc_metrics(svc), &server));

    svc_serve(svc);
    svc_ready_lag(svc);
    http_server_stop(TAKE(server), SVC_DRAIN_HTTP_MS);
    return OK;
} /* http, intake, engine, caller: the reverse of the opening order */

int main(int argc, char **argv)
{
    const struct svc_info info = {
        .name = STR("payments"),
        .conf = {.keys = payments_conf_keys,
                 .key_count = payments_conf_key_count,
                 .engine = true,
                 .http = true},
        .admin = true,
    };
    return svc_main(&info, argc, argv, run);
}
