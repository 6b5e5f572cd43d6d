#pragma once

#include "base/defer.h"
#include "base/op.h"

/*
 * A schema of its own for one test program, in the database that HOLDFAST_TEST_DATABASE_URL names
 * (a superuser's conninfo). Dropped at the end, whatever it holds.
 */

#define TESTING_SKIPPED 77 /* the exit code that meson counts as skipped */

struct testing_pg;

/*
 * Makes the schema and applies migrations/engine, then migrations/<service> unless service is NULL.
 * Returns NULL when the variable is not set: the test program then returns TESTING_SKIPPED.
 * ASSERTs that all else works.
 */
struct testing_pg *testing_pg_new(const char *service);
void testing_pg_free(struct testing_pg *testing);
DEFINE_FREE_AT(struct testing_pg, testing_pg_free)

/* A conninfo with the search_path set to the schema; lives as long as the object. */
struct str testing_pg_url(const struct testing_pg *testing);
struct str testing_pg_schema(const struct testing_pg *testing);

/* Runs a script in the schema; ASSERTs that it works. */
void testing_pg_run(struct testing_pg *testing, const char *sql);
/* The value of one scalar query as an integer; ASSERTs that there is one. */
int64_t testing_pg_number(struct testing_pg *testing, const char *sql);
