#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "payments/payments_decide.h"

/* For tests: one escrow's rows as the engine would keep them, and everything that went out. */

/* Small, because tests keep worlds on the stack. */
#define WORLD_LEGS_MAX 8
#define WORLD_EVENTS_MAX 12
#define WORLD_EFFECTS_MAX 6
#define WORLD_NOW_US INT64_C(1790000000000000)
#define WORLD_ESCROW_ID world_id(0xEE)
#define WORLD_PAY_LEG world_id(1)

struct world {
    bool has_payment;
    struct payment payment;
    uint32_t leg_count;
    struct leg legs[WORLD_LEGS_MAX];
    uint32_t event_count;
    struct payments_event events[WORLD_EVENTS_MAX];
    uint32_t effect_count;
    struct payments_effect effects[WORLD_EFFECTS_MAX];
    uint32_t alarm_count;
};

/* Ids that tests can read: the number is the last byte. */
struct id world_id(uint8_t number);

/* Checks what holds for every decision (versions, gapless seq), and keeps the result. */
void world_keep(struct world *world, const struct payments_decision *out);
/* Decides, checks what holds for every decision (versions, gapless seq), and keeps the result. */
struct payments_decision world_say(struct world *world, const struct payments_command *command);
/* A fact that does not say what it is about is about what the leg is. */
struct payments_decision world_tell(struct world *world, struct id leg_id,
                                    const struct payments_fact *fact);

/* Commands about WORLD_ESCROW_ID in USD; the payment's leg is WORLD_PAY_LEG. */
struct payments_command world_create(int64_t amount_minor);
struct payments_command world_cancel(void);
struct payments_command world_transfer(uint8_t leg, int64_t amount_minor);
struct payments_command world_refund(uint8_t leg, int64_t amount_minor);

/* Facts about the intent "pi_1"; paid is 5000 USD by "ch_9". */
extern const struct payments_fact world_fact_made;
extern const struct payments_fact world_fact_exists;
extern const struct payments_fact world_fact_paid;
extern const struct payments_fact world_fact_canceled;
extern const struct payments_fact world_fact_setup_failed;
struct payments_fact world_declined(const char *charge);
/* A transfer or refund is through. */
struct payments_fact world_moved(const char *ref, int64_t amount_minor);

/* A world where 5000 were paid. */
struct world world_paid(void);

uint32_t world_events(const struct world *world, enum payments_event_kind kind);
uint32_t world_effects(const struct world *world, enum payments_effect_kind kind);
