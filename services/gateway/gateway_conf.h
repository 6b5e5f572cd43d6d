#pragma once

#include "conf/conf.h"

extern const struct conf_key gateway_conf_keys[];
extern const size_t gateway_conf_key_count;
