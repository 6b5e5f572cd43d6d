#pragma once

#include <stdbool.h>

#include "base/str.h"

/* Card numbers: who keeps one is bound by the card industry's rules, so we refuse to. */

#define CARD_DIGITS_MIN 13
#define CARD_DIGITS_MAX 19

/* Whether the text holds something shaped like a card's number: 13 to 19 digits that begin with 2 to 6
 * and end with the right check digit, in one piece or in groups with a blank or a hyphen between.
 * One number in ten that is none looks like one too. */
bool card_number_in(struct str text);
