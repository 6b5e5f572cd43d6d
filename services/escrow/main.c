/* holdfast-escrow: escrow.commands.v1, payments.events.v1 and oracle.events.v1 in, escrow.events.v1,
 * payments.commands.v1 and oracle.commands.v1 out. It calls nothing outside but its database and Kafka. */
#include "engine/engine_run.h"
#include "escrow/escrow_in.h"
#include "escrow/escrow_metrics.h"

static struct status run(struct op *op, struct svc *svc)
{
    escrow_metrics_init(svc_metrics(svc));
    return engine_run_alone(op, svc, &escrow_service);
}

int main(int argc, char **argv)
{
    const struct svc_info info = {
        .name = STR("escrow"),
        .conf = {.engine = true},
        .admin = true,
    };
    return svc_main(&info, argc, argv, run);
}
