#pragma once

#include "base/str.h"

/*
 * Named places at which a test can end (SIGKILL) or freeze (SIGSTOP) the process. Compiled out of
 * release builds (meson: -Dcrash_points=false, and always with --buildtype=release).
 * tests/crash/points.py lists each, with the services that pass it; `./dev crash` tries them all.
 *
 * Armed by "name:n:kill" or "name:n:stop": at the n-th pass of that place, counted over all threads.
 */

/* False when the text is not of that form. Before the first thread. */
bool crash_arm(struct str spec);
void crash_pass(const char *name);

#ifdef HOLDFAST_CRASH_POINTS
#define CRASH_POINT(name) crash_pass(name)
#else
#define CRASH_POINT(name) \
    do {                  \
    } while (0)
#endif
