#pragma once

#include "escrow/testing/escrow_fixture.h"

/* What escrow_table.c prints, and escrow_table_milestones.c of it. */

struct table_role {
    const char *name;
    enum engine_actor_kind kind;
    uint8_t id; /* 0: none */
};

#define TABLE_ROLES 7 /* the first two are the buyer and the seller */

extern const struct table_role table_roles[TABLE_ROLES];

void table_print_cell(const struct fixture *fixture, const struct escrow_message *message,
                      const char *what);

void table_print_milestones(void);
void table_print_returned(void);
