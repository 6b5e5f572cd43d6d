#pragma once

#include "effects/effects.h"

/* effects_options.build: the bot's token and our name. deps is the struct secret of the token. */
effects_build notifications_out_calls_build;
