#pragma once

#include "base/str.h"

/* openapi.yaml as JSON, made while building (tools/openapi). */
struct str gateway_openapi_json(void);
