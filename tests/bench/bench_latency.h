#pragma once

#include <stdint.h>

/* From producing a command to seeing its event at a consumer: open loop, measured from the moment each
 * command was due. Prints p50 and p99 for a quiet and for a busier offer. */
void bench_latency(uint32_t threads);
