#pragma once

#include "engine/engine.h"

/* Oracle as the engine runs it: what it reads, owns and decides. */
extern const struct engine_service oracle_service;
