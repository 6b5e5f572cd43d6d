/* holdfast-escrow: escrow.commands.v1, payments.events.v1 and oracle.events.v1 in, escrow.events.v1,
 * payments.commands.v1 and oracle.commands.v1 out. It calls nothing outside but its database and Kafka. */
#include "engine/engine_run.h"
#include "escrow/escrow_in.h"

static struct status run(struct op *op, struct svc *svc)
{
    const struct engine_run_options options = {.service = &escrow_service};
    struct engine_run *engine = NULL;
    TRY(engine_run_open(op, svc, &options, &engine));
    svc_ready(svc, true);
    while (!svc_stopping(svc)) { /* the engine's threads run: collect, decide, commit, publish */
        svc_wait(svc);
    }
    svc_ready(svc, false);
    engine_run_close(engine, SVC_DRAIN_ENGINE_MS);
    return OK;
}

int main(int argc, char **argv)
{
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, SVC_BOOT_ARENA_BYTES);
    struct op op = {.arena = &arena, .correlation_id = STR("boot")};
    const struct svc_info info = {
        .name = STR("escrow"),
        .conf = {.engine = true},
        .admin = true,
    };

    DEFER(svc_free_at) struct svc *svc = NULL;
    struct status st = svc_open(&op, &info, argc, argv, &svc);
    if (!status_failed(st)) {
        st = run(&op, svc);
    }
    return svc_exit(svc, &op, st);
}
