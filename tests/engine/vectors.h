#pragma once

#include "world.h"

/*
 * Conformance vectors: calls of a port and what must come of each, told once as text (vectors_store.txt,
 * vectors_bus.txt) and run on the simulated and on the real pair. A line is
 *
 *   WHO VERB words... [-> what comes of it; "ok" when it is not said]
 *
 * and a vector begins with "vector: its name". What is numbered in a vector (rows, owners, offsets) is
 * its own: none sees another's. The language of each port is told at the top of its file of text.
 */

#define VECTORS_WORDS_MAX 48
#define VECTORS_RESULT_BYTES 2048

struct vectors_line {
    uint32_t number; /* in its file */
    struct str words[VECTORS_WORDS_MAX];
    uint32_t word_count;
    struct str expected;
};

struct vectors {
    struct world *world;
    uint32_t number;     /* of this vector, from 1 */
    struct strbuf *said; /* what comes of this line is written here */
    const struct vectors_line *line;
};

/* Fails the test, naming the line. */
void vectors_bad(const struct vectors *run, const char *why);
int64_t vectors_number(const struct vectors *run, struct str word);
/* The word after "name=", or false. */
bool vectors_option(const struct vectors_line *line, const char *name, struct str *ret_value);
int64_t vectors_option_number(const struct vectors *run, const char *name, int64_t otherwise);
/* The i-th id of this vector; and back, 0 for none, -1 for another vector's. */
struct id vectors_id(const struct vectors *run, int64_t i);
int64_t vectors_id_number(const struct vectors *run, struct id id);
/* "ok", or what kind of failure it was. */
void vectors_say_status(const struct vectors *run, struct status st);

/* What one port's vectors need; made for each vector and ended after it. */
struct vectors_port {
    void *(*open)(struct vectors *run);
    void (*run)(struct vectors *run, void *state);
    void (*close)(struct vectors *run, void *state);
};

extern const struct vectors_port vectors_store_port;
extern const struct vectors_port vectors_bus_port;
