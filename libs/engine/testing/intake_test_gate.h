/*
 * Holds the commits of an intake up for as long as a test likes. A lock on its table would do, but for the short lock
 * timeout of our sessions: a slow machine would end it.
 */
#pragma once

struct gate;
struct testing_pg;

/* Once for each schema. */
void gate_make(struct testing_pg *testing);

/* Open. It belongs to the caller. */
struct gate *gate_new(struct testing_pg *testing);
void gate_free(struct gate *gate);

/* Whoever inserts into the table intake waits from now on, until gate_open; ten seconds at the most. */
void gate_shut(struct gate *gate);
void gate_open(struct gate *gate);
