#pragma once

#include "http/http.h"

extern const struct http_route sandbox_routes[];
extern const uint32_t sandbox_route_count;
