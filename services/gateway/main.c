/* holdfast-gateway: REST in, escrow.commands.v1 out; escrow.events.v1 and payments.events.v1 in, for
 * the read models that requests are answered from. */
#include "engine/engine_run.h"
#include "engine/intake_run.h"
#include "engine/store_pg.h"
#include "gateway/gateway_conf.h"
#include "gateway/gateway_http.h"
#include "gateway/gateway_in.h"
#include "gateway/gateway_live.h"
#include "gateway/gateway_rates.h"
#include "gateway/gateway_repo.h"
#include "http/http_server.h"
#include "obs/log.h"
#include "svc/svc.h"

#define DATABASE_RETRY_MS 500 /* connecting itself takes its time, too */

/* The pool reads and checks statements of the schema as it opens: whoever starts before PostgreSQL waits. */
static struct status open_pool(struct op *op, struct svc *svc, struct pg **ret_pg)
{
    const struct conf *conf = svc_conf(svc);
    const struct pg_options options = {
        .conninfo = secret_reveal(conf_secret(conf, "DATABASE_URL")),
        .application_name = STR("gateway"),
        .stmts = gateway_repo_stmts,
        .stmt_count = gateway_repo_stmt_count,
        .connections_max = (uint32_t)conf_i64(conf, "DATABASE_POOL_MAX"),
        .metrics = svc_metrics(svc),
    };
    struct status st = pg_open(op, &options, ret_pg);
    while (st.kind == STATUS_RETRY) {
        log_warn(op, "gateway.no_database", LOG_STATUS(st), LOG_FAILURE(op));
        if (!svc_pause(svc, DATABASE_RETRY_MS)) {
            return op_fail(op, STATUS_CANCELED, "svc.stopped", "before the database was there");
        }
        st = pg_open(op, &options, ret_pg);
    }
    return st;
}

static struct status open_live(struct op *op, struct svc *svc, struct gateway_live **ret_live)
{
    char channel[STORE_PG_CHANNEL_BYTES];
    store_pg_channel(gateway_service.name, channel);
    const struct gateway_live_options options = {
        .channel = str_of(channel),
        .database_url = secret_reveal(conf_secret(svc_conf(svc), "DATABASE_URL")),
        .metrics = svc_metrics(svc),
    };
    return gateway_live_open(op, &options, ret_live);
}

static void observe(struct op *op, void *deps, const struct http_seen *seen)
{
    struct gateway *gateway = deps;
    http_observer_note(op, gateway->observer, seen);
}

static struct status open_server(struct op *op, struct svc *svc, struct gateway *gateway,
                                 const struct gateway_rates *rates, struct http_server **ret_server)
{
    const struct conf *conf = svc_conf(svc);
    struct conf_address listen = conf_address(conf, "HTTP_LISTEN");
    const struct http_options options = {
        .host = listen.host,
        .port = listen.port,
        .routes = gateway_routes,
        .route_count = gateway_route_count,
        .deps = gateway,
        .authenticate = gateway_authenticate,
        .observe = observe,
        .connections_max = (uint32_t)conf_i64(conf, "HTTP_CONNECTIONS_MAX"),
        .per_address_max = (uint32_t)conf_i64(conf, "HTTP_CONNECTIONS_PER_ADDRESS_MAX"),
        .trusted_proxy = conf_str(conf, "HTTP_TRUSTED_PROXY"),
        .token_rate = rates->token,
        .address_rate = rates->address,
        .metrics = svc_metrics(svc),
    };
    TRY(http_server_open(op, &options, ret_server));
    log_info(op, "gateway.listening", LOG_I64("port", http_server_port(*ret_server)));
    return OK;
}

static struct http_observer *make_observer(struct op *op, struct svc *svc)
{
    const struct http_observer_options options = {
        .metrics = svc_metrics(svc),
        .routes = gateway_routes,
        .route_count = gateway_route_count,
        .families = {"command.", "escrow.", "gateway.", "signature.", "user."},
    };
    return http_observer_new(op, &options);
}

static struct status submit(struct op *op, void *ctx, const struct intake_request *request,
                            enum intake_result *ret_result)
{
    return intake_submit(op, ctx, request, ret_result);
}

static void add_signing_secret(struct gateway *gateway, const struct conf *conf, const char *name)
{
    if (conf_given(conf, name)) {
        gateway->signing_secrets[gateway->signing_secret_count++] = conf_secret(conf, name);
    }
}

/* *ret_objects stays NULL where there is no folder. */
static struct status open_objects(struct op *op, const struct conf *conf,
                                  struct objects **ret_objects)
{
    struct str folder = conf_str(conf, "EVIDENCE_DIR");
    if (folder.len == 0) {
        log_warn(op, "gateway.no_evidence_dir");
        return OK;
    }
    return objects_open_folder(op, folder, ret_objects);
}

static struct status run(struct op *op, struct svc *svc)
{
    const struct conf *conf = svc_conf(svc);
    DEFER(pg_free_at) struct pg *pg = NULL;
    TRY(open_pool(op, svc, &pg));
    DEFER(engine_run_close_at) struct engine_run *engine = NULL;
    const struct engine_run_options engine_options = {.service = &gateway_service};
    TRY(engine_run_open(op, svc, &engine_options, &engine));
    DEFER(intake_run_close_at) struct intake_run *intake = NULL;
    TRY(intake_run_open(op, svc, gateway_service.name, conf_i64(conf, "INTAKE_BACKLOG_MAX_MS"),
                        &intake));

    DEFER(objects_free_at) struct objects *objects = NULL;
    TRY(open_objects(op, conf, &objects));
    DEFER(gateway_live_close_at) struct gateway_live *live = NULL;
    TRY(open_live(op, svc, &live));
    struct gateway gateway = {
        .pg = pg,
        .submit = submit,
        .submit_ctx = intake_run_intake(intake),
        .live = live,
        .objects = objects,
        .production = conf_env(conf) == CONF_ENV_PRODUCTION,
        .observer = make_observer(op, svc),
    };
    add_signing_secret(&gateway, conf, "REQUEST_SIGNING_SECRET");
    add_signing_secret(&gateway, conf, "REQUEST_SIGNING_SECRET_OLD");
    DEFER(gateway_rates_close_at) struct gateway_rates *rates = NULL;
    TRY(gateway_rates_open(op, conf, svc_metrics(svc), &rates));
    DEFER(http_server_free_at) struct http_server *server = NULL;
    TRY(open_server(op, svc, &gateway, rates, &server));

    svc_serve(svc);
    svc_ready_lag(svc);
    http_server_stop(TAKE(server), SVC_DRAIN_HTTP_MS);
    return OK;
} /* http, rates, streams, evidence, intake, engine, pool: the reverse of the opening order */

int main(int argc, char **argv)
{
    const struct svc_info info = {
        .name = STR("gateway"),
        .conf = {.keys = gateway_conf_keys,
                 .key_count = gateway_conf_key_count,
                 .engine = true,
                 .http = true},
        .print_option = "--print-routes",
        .print = gateway_routes_print,
        .admin = true,
    };
    return svc_main(&info, argc, argv, run);
}
