#pragma once

/* Memory and an op for tests of pure functions. cmocka and its prerequisites are included before. */
#include "base/op.h"

struct fixture {
    struct arena arena;
    struct op op;
};

static inline int setup(void **state)
{
    static struct fixture fixture;
    arena_init(&fixture.arena, (size_t)16 * 1024 * 1024);
    fixture.op = (struct op){.arena = &fixture.arena,
                             .now_us = 7,
                             .correlation_id = STR("c0000000-0000-4000-8000-00000000000c")};
    *state = &fixture;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *fixture = *state;
    arena_fini(&fixture->arena);
    return 0;
}
