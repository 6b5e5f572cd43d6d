/* holdfast-notifications: events in, Discord DMs out. The one process that holds the bot's token. */
#include "base/defer.h"
#include "effects/effects.h"
#include "engine/engine_run.h"
#include "notifications/notifications_act.h"
#include "notifications/notifications_out_calls.h"
#include "notifications/notifications_service.h"
#include "svc/svc.h"

#define CALL_SLOTS 16
#define CALL_TOTAL_MS 10000
#define REFUSED_WINDOW_MS (10 * 60 * 1000) /* Discord's */

static const struct conf_key keys[] = {
    {.name = "DISCORD_API_BASE",
     .type = CONF_URL,
     .fallback = "https://discord.com/api/v10",
     .not_in_production = "http://",
     .help = "Where Discord's REST API v10 is; plain http only outside production."},
    {.name = "DISCORD_BOT_TOKEN",
     .type = CONF_SECRET,
     .required = true,
     .min = 8,
     .max = 255,
     .help = "The token of the bot that writes the DMs."},
    {.name = "DISCORD_CALLS_PER_SECOND_MAX",
     .type = CONF_I64,
     .unit = "calls",
     .min = 1,
     .max = 50,
     .fallback = "20",
     .help =
         "The most calls to Discord in a second. Discord allows a bot 50: those of all replicas "
         "together must stay below."},
    {.name = "DISCORD_REFUSED_MAX",
     .type = CONF_I64,
     .unit = "calls",
     .min = 1,
     .max = 9000,
     .fallback = "1000",
     .help = "After so many refused calls (401, 403, 404, 429) in ten minutes none is made until "
             "the oldest are forgotten. Discord shuts out who has 10,000: those of all replicas "
             "together must stay below."},
};

static STATUS open_caller(struct op *op, struct svc *svc, struct caller **ret_caller)
{
    const struct conf *conf = svc_conf(svc);
    struct secret *token = arena_new(op->arena, struct secret, 1);
    if (!token) {
        return op_arena_full(op);
    }
    *token = *conf_secret(conf, "DISCORD_BOT_TOKEN"); /* build's deps are not const */
    const struct effects_limit_options limit = {
        .per_second_max = (uint32_t)conf_i64(conf, "DISCORD_CALLS_PER_SECOND_MAX"),
        .refused_max = (uint32_t)conf_i64(conf, "DISCORD_REFUSED_MAX"),
        .refused_window_ms = REFUSED_WINDOW_MS};
    struct str base_url = conf_str(conf, "DISCORD_API_BASE");
    const struct effects_options options = {
        .slots = CALL_SLOTS,
        .base_url = base_url,
        .allow_http = str_has_prefix(base_url, STR("http://")),
        .build = notifications_out_calls_build,
        .deps = token,
        .total_ms = CALL_TOTAL_MS,
        .limit = &limit,
        .metrics = svc_metrics(svc),
    };
    return effects_open(op, &options, ret_caller);
}

/* Counted for the whole process: they outlive every page. */
static void collect_deliveries(struct metrics_page *page, void *ctx)
{
    static const char *const names[DELIVERY_STATE_COUNT] = {
        [DELIVERY_SENT] = "sent",       [DELIVERY_NO_CHANNEL] = "no_channel",
        [DELIVERY_CLOSED] = "closed",   [DELIVERY_FAILED] = "failed",
        [DELIVERY_EXPIRED] = "expired", [DELIVERY_DROPPED] = "dropped",
    };
    (void)ctx;
    metrics_page_family(
        page, METRICS_COUNTER, "holdfast_notifications_deliveries_total",
        "Deliveries by what became of them, repeated attempts of a batch included.");
    for (enum delivery_state state = DELIVERY_SENT; state < DELIVERY_STATE_COUNT; state++) {
        struct metrics_label label = {.name = "state", .value = names[state]};
        metrics_page_value(page, &label, 1, (int64_t)notifications_act_count(state));
    }
}

static STATUS run(struct op *op, struct svc *svc)
{
    DEFER(effects_free_at) struct caller *caller = NULL;
    TRY(open_caller(op, svc, &caller));
    DEFER(engine_run_close_at) struct engine_run *engine = NULL;
    const struct engine_run_options engine_options = {
        .service = &notifications_service, .caller = caller, .set_wake = effects_set_wake};
    TRY(engine_run_open(op, svc, &engine_options, &engine));
    metrics_collector(svc_metrics(svc), collect_deliveries, /* ctx */ NULL);

    svc_serve(svc);
    return OK;
} /* engine, caller: the reverse of the opening order */

int main(int argc, char **argv)
{
    const struct svc_info info = {
        .name = STR("notifications"),
        .conf = {.keys = keys, .key_count = ARRAY_LEN(keys), .engine = true},
        .admin = true,
    };
    return svc_main(&info, argc, argv, run);
}
