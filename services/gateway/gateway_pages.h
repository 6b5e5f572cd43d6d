#pragma once

#include <stdint.h>

#include "base/str.h"

/* The files of pages/, made part of the program while building (tools/pages). */

struct gateway_page {
    struct str name; /* "deal.html" */
    struct str content_type;
    struct str body;
};

extern const struct gateway_page gateway_pages[];
extern const uint32_t gateway_page_count;
