#pragma once

#include "engine/engine.h"

/* Notifications as the engine runs it: what it reads, owns and decides. */
extern const struct engine_service notifications_service;
