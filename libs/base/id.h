#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* A UUID (RFC 9562) in network byte order. All zero is "none". */
struct id {
    uint8_t bytes[16];
};

#define ID_TEXT_BYTES 37 /* 36 lower-case characters and a NUL */

bool id_is_none(struct id id);
bool id_eq(struct id a, struct id b);
int id_compare(struct id a, struct id b);

/* Version 4, from the kernel's randomness. */
struct id id_random(void);

/* Version 5 (SHA-1 of namespace and name): the same input gives the same id, for ever. */
struct id id_v5(struct id name_space, struct str name);

/* Separates names of different meaning in id_v5: a fixed namespace per use, e.g. "holdfast/command". */
struct id id_namespace(struct str use);

#define ID_ORDINALS 4096 /* how many ids one message may give rise to */

/*
 * The ids that the message `cause` gives rise to, the first of them; id_nth makes the others. Version 7
 * layout: 48 bits are the milliseconds of the cause's commit time (so that keys rise with time), 12
 * count, and 62 are the last ones of SHA-256(cause): a replay makes the same ids.
 */
struct id id_derive(struct id cause, int64_t caused_at_us);

/* ordinal: 0 (first itself) to ID_ORDINALS - 1. */
struct id id_nth(struct id first, uint32_t ordinal);

void id_format(struct id id, char ret_text[ID_TEXT_BYTES]);
/* The text in the arena; ptr NULL when the arena is full. */
struct str id_to_str(struct arena *arena, struct id id);
/* Exactly the 36-character form, either case; false otherwise. */
bool id_parse(struct str text, struct id *ret_id);
