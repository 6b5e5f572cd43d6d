/* holdfast-escrow: escrow.commands.v1, payments.events.v1 and oracle.events.v1 in, escrow.events.v1,
 * payments.commands.v1, oracle.commands.v1 and escrow.seals.v1 out. It calls nothing outside but its
 * database and Kafka. */
#include "engine/engine_run.h"
#include "escrow/escrow_in.h"
#include "escrow/escrow_metrics.h"
#include "escrow/escrow_sealer.h"
#include "obs/log.h"

static const struct conf_key conf_keys[] = {
    {.name = "SEAL_KEY",
     .type = CONF_SECRET,
     .min = 1,
     .max = SECRET_MAX_BYTES,
     .help = "The Ed25519 private key (PEM, PKCS #8) that seals are signed with; as a file, by "
             "SEAL_KEY_FILE. "
             "Not given: this process seals nothing."},
    {.name = "SEAL_PERIOD_MS",
     .type = CONF_I64,
     .fallback = "60000",
     .min = 100,
     .max = 3600000,
     .unit = "ms",
     .help = "How often the chain heads that changed are sealed."},
};

/* *ret_sealer stays NULL where there is no key. */
static STATUS open_sealer(struct op *op, struct svc *svc, struct escrow_totals *totals,
                          struct escrow_sealer **ret_sealer)
{
    const struct escrow_sealer_counters counters = escrow_sealer_count_in(svc_metrics(svc));
    const struct conf *conf = svc_conf(svc);
    if (!conf_given(conf, "SEAL_KEY")) {
        log_warn(op, "escrow.no_seal_key");
        return OK;
    }
    DEFER(sign_secret_fini) struct sign_secret key = {.bytes = {0}};
    if (!sign_secret_read(secret_reveal(conf_secret(conf, "SEAL_KEY")), &key)) {
        return op_fail(op, STATUS_INVALID, "conf.invalid", "SEAL_KEY is no Ed25519 private key");
    }
    const struct escrow_sealer_options options = {
        .database_url = secret_reveal(conf_secret(conf, "DATABASE_URL")),
        .key = &key,
        .period_us = conf_i64(conf, "SEAL_PERIOD_MS") * 1000,
        .counters = counters,
        .totals = totals,
    };
    return escrow_sealer_open(op, &options, ret_sealer);
}

static struct status run(struct op *op, struct svc *svc)
{
    escrow_metrics_init(svc_metrics(svc));
    DEFER(escrow_totals_fini) struct escrow_totals totals;
    escrow_totals_init(&totals, svc_metrics(svc));
    DEFER(escrow_sealer_close_at) struct escrow_sealer *sealer = NULL;
    TRY(open_sealer(op, svc, &totals, &sealer));
    return engine_run_alone(op, svc, &escrow_service);
}

int main(int argc, char **argv)
{
    const struct svc_info info = {
        .name = STR("escrow"),
        .conf = {.keys = conf_keys, .key_count = ARRAY_LEN(conf_keys), .engine = true},
        .admin = true,
    };
    return svc_main(&info, argc, argv, run);
}
