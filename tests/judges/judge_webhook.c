/*
 * The webhook's route behind the real HTTP server, with an intake that only counts. Prints its port,
 * serves until standard input ends, then prints how many calls it would have stored and
 * how many of them it would have signalled.
 * usage: judge_webhook SECRET [SECRET]
 */
#include <stdio.h>
#include <unistd.h>

#include "base/assert.h"
#include "engine/intake.h"
#include "http/http_server.h"
#include "payments/payments_in_webhook.h"

static _Atomic uint32_t stored;
static _Atomic uint32_t signalled;

STATUS intake_submit(struct op *op, struct intake *intake, const struct intake_request *request,
                     enum intake_result *ret_result)
{
    (void)op;
    (void)intake;
    stored++;
    signalled += request->topic == TOPIC_PAYMENTS_SIGNALS_V1 ? 1 : 0;
    *ret_result = INTAKE_STORED;
    return OK;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        return 2;
    }
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)16 * 1024 * 1024);
    struct op op = {.arena = &arena};
    struct secret secrets[2] = {0};
    uint32_t secret_count = (uint32_t)argc - 1;
    for (uint32_t i = 0; i < secret_count; i++) {
        ASSERT(secret_set(&secrets[i], str_of(argv[i + 1])));
    }
    static struct payments_webhook_deps deps;
    deps.secrets = secrets;
    deps.secret_count = secret_count;
    payments_in_webhook_init(&deps, metrics_new(&op, STR("judge"), STR("0")));
    const struct http_options options = {
        .host = STR("127.0.0.1"),
        .routes = payments_routes,
        .route_count = payments_route_count,
        .deps = &deps,
    };
    struct http_server *server = NULL;
    if (status_failed(http_server_open(&op, &options, &server))) {
        (void)fprintf(stderr, "%s: %s\n", op.err.code, op.err.msg);
        return 1;
    }
    printf("%u\n", http_server_port(server));
    (void)fflush(stdout);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    http_server_free(server);
    printf("%u %u\n", stored, signalled);
    payments_in_webhook_fini(&deps);
    return 0;
}
