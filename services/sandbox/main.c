/* The sandbox: plays the payment provider and Discord for development, demos and tests. */
#include "conf/conf.h"
#include "http/http_server.h"
#include "obs/log.h"
#include "sandbox/sandbox.h"
#include "sandbox/sandbox_routes.h"
#include "svc/svc.h"

static const struct conf_key keys[] = {
    {.name = "HTTP_LISTEN",
     .type = CONF_LISTEN,
     .fallback = "127.0.0.1:12111",
     .help = "Where the provider's API and Discord's are served."},
    {.name = "STRIPE_SECRET_KEY",
     .type = CONF_SECRET,
     .min = 8,
     .max = 255,
     .required = true,
     .help = "The key that clients must send."},
    {.name = "STRIPE_WEBHOOK_SECRET",
     .type = CONF_SECRET,
     .min = 8,
     .max = 255,
     .required = true,
     .help = "What webhooks are signed with."},
    {.name = "STRIPE_WEBHOOK_URL",
     .type = CONF_LIST,
     .min = 1,
     .max = SANDBOX_WEBHOOK_URLS_MAX,
     .help = "The replicas of the webhook endpoint, tried in turn; not given: none is sent."},
    {.name = "STRIPE_WEBHOOK_SENDERS",
     .type = CONF_I64,
     .min = 1,
     .max = SANDBOX_WEBHOOK_SENDERS_MAX,
     .fallback = "1",
     .help = "Webhooks that are under way at a time; 1: they arrive in order."},
    {.name = "STRIPE_WEBHOOK_EVENTS",
     .type = CONF_STR,
     .max = 1024,
     .fallback = "",
     .help = "Event types to send, comma separated; empty: all."},
    {.name = "DISCORD_BOT_TOKEN",
     .type = CONF_SECRET,
     .min = 8,
     .max = 255,
     .required = true,
     .help = "The token that the bot must send."},
};

static struct sandbox_options read_options(const struct conf *conf)
{
    struct sandbox_options options = {.api_key = *conf_secret(conf, "STRIPE_SECRET_KEY"),
                                      .webhook_secret = *conf_secret(conf, "STRIPE_WEBHOOK_SECRET"),
                                      .bot_token = *conf_secret(conf, "DISCORD_BOT_TOKEN"),
                                      .webhook_senders =
                                          (uint32_t)conf_i64(conf, "STRIPE_WEBHOOK_SENDERS"),
                                      .webhook_events = conf_str(conf, "STRIPE_WEBHOOK_EVENTS")};
    if (conf_given(conf, "STRIPE_WEBHOOK_URL")) {
        const struct str *urls;
        options.webhook_url_count = conf_list(conf, "STRIPE_WEBHOOK_URL", &urls);
        for (uint32_t i = 0; i < options.webhook_url_count; i++) {
            options.webhook_urls[i] = urls[i];
        }
    }
    return options;
}

static STATUS run(struct op *op, struct svc *svc)
{
    const struct conf *conf = svc_conf(svc);
    const struct sandbox_options options = read_options(conf);
    static struct sandbox sandbox; /* its lists of chunks are too large for a stack */
    DEFER(sandbox_close_at) struct sandbox *opened = &sandbox;
    TRY(sandbox_open(op, opened, &options));

    struct conf_address listen = conf_address(conf, "HTTP_LISTEN");
    const struct http_options http = {
        .host = listen.host,
        .port = listen.port,
        .routes = sandbox_routes,
        .route_count = sandbox_route_count,
        .deps = &sandbox,
        .per_address_max = (uint32_t)conf_i64(conf, "HTTP_CONNECTIONS_PER_ADDRESS_MAX"),
    };
    DEFER(http_server_free_at) struct http_server *server = NULL;
    TRY(http_server_open(op, &http, &server));
    log_info(op, "sandbox.listening", LOG_I64("port", http_server_port(server)));

    svc_serve(svc);
    svc_ready_lag(svc);
    sandbox_stop(&sandbox);
    http_server_drain(server);
    return OK;
} /* http, then the sandbox: the reverse of the opening order */

int main(int argc, char **argv)
{
    const struct svc_info info = {
        .name = STR("sandbox"),
        .conf = {.keys = keys, .key_count = ARRAY_LEN(keys), .http = true},
        .admin = true,
    };
    return svc_main(&info, argc, argv, run);
}
