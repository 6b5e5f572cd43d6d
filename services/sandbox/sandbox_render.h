#pragma once

#include "base/str.h"
#include "json/json_write.h"
#include "sandbox/sandbox_world.h"

/* Objects as the provider's JSON. name: as in json_write.h. */

#define SANDBOX_BODY_MAX_BYTES ((size_t)256 * 1024)
#define SANDBOX_API_VERSION "2024-06-20"

struct str sandbox_intent_state_name(enum sandbox_intent_state state);

void sandbox_render_intent(struct json_writer *json, const char *name,
                           const struct sandbox_intent *intent);
void sandbox_render_charge(struct json_writer *json, const char *name,
                           const struct sandbox_intent *intent);
void sandbox_render_transfer(struct json_writer *json, const char *name,
                             const struct sandbox_transfer *transfer);
void sandbox_render_refund(struct json_writer *json, const char *name,
                           const struct sandbox_refund *refund);
void sandbox_render_error(struct json_writer *json, struct sandbox_refusal refusal);
