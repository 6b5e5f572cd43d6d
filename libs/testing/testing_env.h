#pragma once

#include <stdint.h>

#include "base/str.h"

/*
 * The environment, for tests. To be read before the test starts a thread. The text lives as long as
 * the process.
 */

/* Empty when the variable is not set. */
struct str testing_env(const char *name);
/* The fallback when it is not set; a value that is no integer ends the test. */
int64_t testing_env_i64(const char *name, int64_t fallback);
/* $SEED or the fallback, printed, so that a failed run can be repeated. */
uint64_t testing_env_seed(int64_t fallback);
