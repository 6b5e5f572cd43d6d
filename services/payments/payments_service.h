#pragma once

#include "engine/engine.h"

/* Payments as the engine runs it: what it reads, owns and decides. */
extern const struct engine_service payments_service;
