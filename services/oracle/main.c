/* holdfast-oracle: oracle.commands.v1 in, oracle.events.v1 out. It calls nothing outside but its
 * database and Kafka. */
#include "engine/engine_run.h"
#include "oracle/oracle_service.h"

static struct status run(struct op *op, struct svc *svc)
{
    return engine_run_alone(op, svc, &oracle_service);
}

int main(int argc, char **argv)
{
    const struct svc_info info = {
        .name = STR("oracle"),
        .conf = {.engine = true},
        .admin = true,
    };
    return svc_main(&info, argc, argv, run);
}
