/*
 * The provider's things and its time: what happens by itself is a task in a heap. Always holds: the
 * same seed and the same calls give the same objects, answers and webhooks at the same moments.
 */
#include "sim_stripe.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "sim_stripe_internal.h"

#define ARENA_BYTES ((size_t)1024 * 1024)

struct sim_stripe *sim_stripe_new(const struct clock_fake *clock, uint64_t seed)
{
    struct sim_stripe *stripe = calloc(1, sizeof(*stripe));
    ASSERT(stripe);
    stripe->clock = clock;
    stripe->random = random_seeded(seed);
    arena_init(&stripe->boot, ARENA_BYTES);
    arena_init(&stripe->arena, WEBHOOK_ARENA_BYTES);
    sim_stripe_webhook_init(stripe);
    return stripe;
}

void sim_stripe_free(struct sim_stripe *stripe)
{
    if (!stripe) {
        return;
    }
    sim_stripe_webhook_fini(stripe);
    for (uint32_t i = 0; i < stripe->key_count; i++) {
        free(stripe->keys[i].body);
    }
    for (uint32_t i = 0; i < stripe->call_count; i++) {
        free((void *)(uintptr_t)stripe->calls[i].call.request.ptr);
        free((void *)(uintptr_t)stripe->calls[i].answer.body.ptr);
    }
    for (uint32_t i = 0; i < stripe->event_count; i++) {
        free(stripe->events[i].body);
    }
    sim_index_fini(&stripe->key_index);
    sim_index_fini(&stripe->error_index);
    free(stripe->objects);
    free(stripe->keys);
    free(stripe->looked.body);
    free(stripe->calls);
    free(stripe->events);
    free(stripe->tasks);
    arena_fini(&stripe->arena);
    arena_fini(&stripe->boot);
    free(stripe);
}

/* ---- Faults ---- */

const char *sim_stripe_fault_name(enum sim_stripe_fault fault)
{
    static const char *const names[SIM_STRIPE_FAULT_COUNT] = {
        [SIM_STRIPE_ANSWERS] = "answers",
        [SIM_STRIPE_NOT_SENT] = "not_sent",
        [SIM_STRIPE_CALL_LOST] = "call_lost",
        [SIM_STRIPE_REPLY_LOST] = "reply_lost",
        [SIM_STRIPE_STRAYS] = "strays",
        [SIM_STRIPE_ERROR_500] = "error_500",
        [SIM_STRIPE_SAVED_500] = "saved_500",
        [SIM_STRIPE_SAVED_500_DONE] = "saved_500_done",
        [SIM_STRIPE_GARBAGE] = "garbage",
        [SIM_STRIPE_BUSY_409] = "busy_409",
        [SIM_STRIPE_LIMITED_429] = "limited_429",
        [SIM_STRIPE_STRANGE] = "strange",
        [SIM_STRIPE_STRANGE_DONE] = "strange_done",
        [SIM_STRIPE_REFUSED] = "refused",
    };

    ASSERT(fault < SIM_STRIPE_FAULT_COUNT);
    return names[fault];
}

void sim_stripe_set_rates(struct sim_stripe *stripe, const struct sim_stripe_rates *rates)
{
    stripe->rates = *rates;
}

void sim_stripe_script(struct sim_stripe *stripe, const enum sim_stripe_fault *faults,
                       uint32_t count)
{
    ASSERT(stripe->script_count + count <= STRIPE_SCRIPT_MAX);
    memcpy(&stripe->script[stripe->script_count], faults, count * sizeof(*faults));
    stripe->script_count += count;
}

void sim_stripe_refuse(struct sim_stripe *stripe, const char *path, const char *code)
{
    stripe->refused_path = path;
    stripe->refused_code = code;
}

bool sim_stripe_lucky(struct sim_stripe *stripe, uint16_t chance)
{
    return chance > 0 && random_below(&stripe->random, SIM_STRIPE_CHANCE) < chance;
}

int64_t sim_stripe_delay(struct sim_stripe *stripe, int64_t max_us)
{
    return max_us > 0 ? (int64_t)random_below(&stripe->random, (uint64_t)max_us + 1) : 0;
}

/* ---- Keeping ---- */

void *sim_stripe_room(void *array, uint32_t count, uint32_t *capacity, size_t bytes)
{
    if (count < *capacity) {
        return array;
    }
    *capacity = *capacity ? *capacity * 2 : 64;
    void *more = realloc(array, *capacity * bytes);
    ASSERT(more);
    return more;
}

char *sim_stripe_copy(struct str text)
{
    char *copy = calloc(1, text.len + 1);
    ASSERT(copy);
    if (text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    return copy;
}

struct sim_stripe_object *sim_stripe_make(struct sim_stripe *stripe)
{
    stripe->objects = sim_stripe_room(stripe->objects, stripe->object_count,
                                      &stripe->object_capacity, sizeof(*stripe->objects));
    struct sim_stripe_object *object = &stripe->objects[stripe->object_count];
    *object =
        (struct sim_stripe_object){.number = stripe->object_count, .asked_us = stripe->sent_us};
    stripe->object_count++;
    return object;
}

/* ---- Time ---- */

static bool is_sooner(const struct stripe_task *a, const struct stripe_task *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void swap(struct stripe_task *a, struct stripe_task *b)
{
    struct stripe_task kept = *a;
    *a = *b;
    *b = kept;
}

void sim_stripe_plan(struct sim_stripe *stripe, struct stripe_task task)
{
    stripe->tasks = sim_stripe_room(stripe->tasks, stripe->task_count, &stripe->task_capacity,
                                    sizeof(*stripe->tasks));
    task.order = stripe->order++;
    uint32_t at = stripe->task_count++;
    stripe->tasks[at] = task;
    while (at > 0 && is_sooner(&stripe->tasks[at], &stripe->tasks[(at - 1) / 2])) {
        swap(&stripe->tasks[at], &stripe->tasks[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static struct stripe_task take_soonest(struct sim_stripe *stripe)
{
    struct stripe_task soonest = stripe->tasks[0];
    stripe->tasks[0] = stripe->tasks[--stripe->task_count];
    uint32_t at = 0;
    for (;;) {
        uint32_t least = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2; child++) {
            if (child < stripe->task_count &&
                is_sooner(&stripe->tasks[child], &stripe->tasks[least])) {
                least = child;
            }
        }
        if (least == at) {
            return soonest;
        }
        swap(&stripe->tasks[at], &stripe->tasks[least]);
        at = least;
    }
}

int64_t sim_stripe_next_us(const struct sim_stripe *stripe)
{
    return stripe->task_count > 0 ? stripe->tasks[0].due_us : INT64_MAX;
}

static void tell_failed_charge(struct sim_stripe *stripe, struct sim_stripe_object *intent)
{
    intent->charge = ++stripe->charge_count;
    sim_stripe_tell(stripe, intent, "payment_intent.payment_failed");
}

static void pay_intent(struct sim_stripe *stripe, struct sim_stripe_object *intent,
                       int64_t moved_minor)
{
    intent->state = SIM_STRIPE_MOVED;
    intent->charge = ++stripe->charge_count;
    intent->moved_minor = moved_minor;
    sim_stripe_tell(stripe, intent, "payment_intent.succeeded");
}

static void settle_intent(struct sim_stripe *stripe, struct sim_stripe_object *intent, bool good)
{
    if (good) {
        pay_intent(stripe, intent, intent->asked_minor);
        return;
    }
    intent->state = SIM_STRIPE_OPEN;
    tell_failed_charge(stripe, intent);
}

static void settle_refund(struct sim_stripe *stripe, struct sim_stripe_object *refund, bool good)
{
    refund->state = good ? SIM_STRIPE_MOVED : SIM_STRIPE_FAILED;
    refund->moved_minor = good ? refund->asked_minor : 0;
    /* The provider says such things more than once, in words of its own. */
    sim_stripe_tell(stripe, refund, "refund.updated");
    sim_stripe_tell(stripe, refund, "charge.refund.updated");
    if (!good) {
        sim_stripe_tell(stripe, refund, "refund.failed");
    }
}

static void come_back(struct sim_stripe *stripe, struct sim_stripe_object *refund)
{
    refund->state = SIM_STRIPE_RETURNED;
    sim_stripe_tell(stripe, refund, "refund.failed");
    sim_stripe_tell(stripe, refund, "charge.refund.updated");
}

static void perform(struct sim_stripe *stripe, struct stripe_task task, struct intake *payments)
{
    switch (task.kind) {
    case STRIPE_TASK_ARRIVE: sim_stripe_arrive(stripe, task.at); return;
    case STRIPE_TASK_ANSWER: sim_stripe_answer(stripe, task.at); return;
    case STRIPE_TASK_SETTLE:
        if (stripe->objects[task.at].kind == SIM_STRIPE_INTENT) {
            settle_intent(stripe, &stripe->objects[task.at], task.good);
        } else {
            settle_refund(stripe, &stripe->objects[task.at], task.good);
        }
        return;
    case STRIPE_TASK_RETURN: come_back(stripe, &stripe->objects[task.at]); return;
    case STRIPE_TASK_WEBHOOK: sim_stripe_deliver(stripe, task.at, payments); return;
    case STRIPE_TASK_NONE:
    case STRIPE_TASK_KIND_COUNT: break;
    }
    UNREACHABLE("a task has a kind");
}

bool sim_stripe_step(struct sim_stripe *stripe, struct intake *payments)
{
    if (sim_stripe_next_us(stripe) > stripe->clock->mono_us) {
        return false;
    }
    perform(stripe, take_soonest(stripe), payments);
    return true;
}

/* ---- Buyers ---- */

static struct sim_stripe_object *find_payable(struct sim_stripe *stripe, struct id escrow_id)
{
    for (uint32_t i = 0; i < stripe->object_count; i++) {
        struct sim_stripe_object *object = &stripe->objects[i];
        if (object->kind == SIM_STRIPE_INTENT && object->state == SIM_STRIPE_OPEN &&
            id_eq(object->escrow_id, escrow_id)) {
            return object;
        }
    }
    return NULL;
}

static void process_slowly(struct sim_stripe *stripe, struct sim_stripe_object *intent, bool good)
{
    intent->state = SIM_STRIPE_PROCESSING;
    sim_stripe_tell(stripe, intent, "payment_intent.processing");
    sim_stripe_plan(stripe,
                    (struct stripe_task){.due_us = stripe->clock->mono_us +
                                                   sim_stripe_delay(stripe, STRIPE_SETTLE_US),
                                         .kind = STRIPE_TASK_SETTLE,
                                         .at = intent->number,
                                         .good = good});
}

bool sim_stripe_pay(struct sim_stripe *stripe, struct id escrow_id, enum sim_stripe_pay how)
{
    ASSERT(how < SIM_PAY_COUNT);
    struct sim_stripe_object *intent = find_payable(stripe, escrow_id);
    if (!intent) {
        return false;
    }
    int64_t half_minor = intent->asked_minor > 1 ? intent->asked_minor / 2 : 1;
    switch (how) {
    case SIM_PAY_GOOD: pay_intent(stripe, intent, intent->asked_minor); return true;
    case SIM_PAY_DECLINED: tell_failed_charge(stripe, intent); return true;
    case SIM_PAY_SLOW: process_slowly(stripe, intent, true); return true;
    case SIM_PAY_SLOW_FAILS: process_slowly(stripe, intent, false); return true;
    case SIM_PAY_LESS: pay_intent(stripe, intent, half_minor); return true;
    case SIM_PAY_MORE: pay_intent(stripe, intent, intent->asked_minor + half_minor); return true;
    case SIM_PAY_FOREIGN:
        memcpy(intent->currency, "eur", sizeof(intent->currency));
        pay_intent(stripe, intent, intent->asked_minor);
        return true;
    case SIM_PAY_COUNT: break;
    }
    UNREACHABLE("a way to pay");
}

/* ---- The truth ---- */

uint32_t sim_stripe_count(const struct sim_stripe *stripe)
{
    return stripe->object_count;
}

struct sim_stripe_object *sim_stripe_object(struct sim_stripe *stripe, uint32_t number)
{
    ASSERT(number < stripe->object_count);
    return &stripe->objects[number];
}

uint32_t sim_stripe_made(const struct sim_stripe *stripe, enum sim_stripe_kind kind,
                         struct id escrow_id, uint32_t *ret_first)
{
    uint32_t made = 0;
    for (uint32_t i = 0; i < stripe->object_count; i++) {
        const struct sim_stripe_object *object = &stripe->objects[i];
        if (object->kind == kind &&
            (id_is_none(escrow_id) || id_eq(object->escrow_id, escrow_id))) {
            if (made == 0 && ret_first) {
                *ret_first = i;
            }
            made++;
        }
    }
    return made;
}

enum sim_stripe_key sim_stripe_key(const struct sim_stripe *stripe, struct id key)
{
    uint32_t at = sim_index_get(&stripe->key_index, key);
    if (at == SIM_INDEX_NONE) {
        return SIM_STRIPE_KEY_UNKNOWN;
    }
    int32_t status = stripe->keys[at].http_status;
    if (status == 500) {
        return SIM_STRIPE_KEY_BROKEN;
    }
    return status >= 400 ? SIM_STRIPE_KEY_REFUSED : SIM_STRIPE_KEY_FINE;
}

bool sim_stripe_said_error(const struct sim_stripe *stripe, struct id key)
{
    return sim_index_get(&stripe->error_index, key) != SIM_INDEX_NONE;
}

struct sim_stripe_counts sim_stripe_counts(const struct sim_stripe *stripe)
{
    struct sim_stripe_counts counts = stripe->counts;
    counts.waiting = stripe->task_count;
    return counts;
}
