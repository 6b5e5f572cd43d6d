#pragma once

#include <stdbool.h>

#include "base/op.h"
#include "base/str.h"

/*
 * The text of an API token: hf_test_ or hf_live_, 43 random characters (256 bits), and 6 that are
 * computed from the rest, so that a scanner of leaked text can tell a token from noise.
 */

#define CTL_TOKEN_RANDOM_CHARS 43
#define CTL_TOKEN_CHECK_CHARS 6

STATUS ctl_token_make(struct op *op, bool live, struct str *ret_token);
/* Has the form of a token, with the right check. */
bool ctl_token_is_whole(struct str token);
