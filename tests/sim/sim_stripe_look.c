/* Questions in, what there is out: lists of a deal's transfers, of a payment's refunds, intents by their metadata, one object by its name. */
#include <stdlib.h>

#include "base/assert.h"
#include "base/defer.h"
#include "sim_stripe_internal.h"

#define LOOK_MAX_BYTES (64 * 1024)

struct question {
    enum sim_stripe_kind kind;
    struct id escrow_id; /* of transfers */
    struct id leg_id;    /* of intents searched for */
    int64_t intent;      /* of refunds: its number */
};

static bool belongs(const struct sim_stripe_object *object, const struct question *question)
{
    if (object->kind != question->kind) {
        return false;
    }
    switch (question->kind) {
    case SIM_STRIPE_INTENT: return id_eq(object->leg_id, question->leg_id);
    case SIM_STRIPE_TRANSFER: return id_eq(object->escrow_id, question->escrow_id);
    case SIM_STRIPE_REFUND: return object->intent == question->intent;
    case SIM_STRIPE_NONE:
    case SIM_STRIPE_KIND_COUNT: break;
    }
    UNREACHABLE("a question is about a kind");
}

static void list(const struct sim_stripe *stripe, const struct question *question,
                 struct strbuf *buf)
{
    uint32_t count = 0;
    strbuf_addf(buf, "{\"object\":\"%s\",\"data\":[",
                question->kind == SIM_STRIPE_INTENT ? "search_result" : "list");
    for (uint32_t i = 0; i < stripe->object_count; i++) {
        if (belongs(&stripe->objects[i], question)) {
            strbuf_add(buf, count++ > 0 ? STR(",") : STR(""));
            sim_stripe_render(buf, &stripe->objects[i]);
        }
    }
    strbuf_add(buf, STR("],\"has_more\":false}"));
}

static bool number_of(struct str ref, struct str prefix, int64_t *ret_number)
{
    return str_has_prefix(ref, prefix) && str_to_i64(str_after(ref, prefix.len), ret_number);
}

/* "/v1/refunds/re_7": the object of that name. False: there is none. */
static bool show(const struct sim_stripe *stripe, struct str path, struct strbuf *buf)
{
    static const struct {
        const char *path;
        enum sim_stripe_kind kind;
    } folders[] = {{"/v1/payment_intents/pi_", SIM_STRIPE_INTENT},
                   {"/v1/transfers/tr_", SIM_STRIPE_TRANSFER},
                   {"/v1/refunds/re_", SIM_STRIPE_REFUND}};

    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        int64_t number;
        if (number_of(path, str_of(folders[i].path), &number) && number >= 0 &&
            number < stripe->object_count && stripe->objects[number].kind == folders[i].kind) {
            sim_stripe_render(buf, &stripe->objects[number]);
            return true;
        }
    }
    return false;
}

/* False: nobody asks so. */
static bool answer(const struct sim_stripe *stripe, struct str path, struct strbuf *buf)
{
    struct str search = STR("/v1/payment_intents/search?query=metadata%5B%27leg_id%27%5D%3A%27");
    struct str transfers = STR("/v1/transfers?");
    struct str refunds = STR("/v1/refunds?");
    struct question question = {.kind = SIM_STRIPE_INTENT};
    if (str_has_prefix(path, search)) {
        struct str id = {.ptr = path.ptr + search.len, .len = ID_TEXT_BYTES - 1};
        if (path.len < search.len + id.len || !id_parse(id, &question.leg_id)) {
            return false;
        }
        list(stripe, &question, buf);
        return true;
    }
    if (show(stripe, path, buf)) {
        return true;
    }
    if (str_has_prefix(path, transfers)) {
        question.kind = SIM_STRIPE_TRANSFER;
        if (!id_parse(sim_stripe_param(str_after(path, transfers.len), "transfer_group"),
                      &question.escrow_id)) {
            return false;
        }
        list(stripe, &question, buf);
        return true;
    }
    question.kind = SIM_STRIPE_REFUND;
    if (!str_has_prefix(path, refunds) ||
        !number_of(sim_stripe_param(str_after(path, refunds.len), "payment_intent"), STR("pi_"),
                   &question.intent)) {
        return false;
    }
    list(stripe, &question, buf);
    return true;
}

const struct stripe_key *sim_stripe_look(struct sim_stripe *stripe,
                                         const struct effects_request *request,
                                         enum sim_stripe_fault fault)
{
    struct strbuf buf;
    struct str body = STR("{\"error\":{\"type\":\"invalid_request_error\"}}");
    strbuf_init(&buf, &stripe->arena, LOOK_MAX_BYTES);
    stripe->looked.http_status = 200;
    if (fault == SIM_STRIPE_SAVED_500 || fault == SIM_STRIPE_SAVED_500_DONE) {
        stripe->looked.http_status = 500;
    } else if (fault == SIM_STRIPE_REFUSED) {
        stripe->looked.http_status = 400; /* which says nothing about what it asks for */
    } else if (!answer(stripe, request->path, &buf)) {
        stripe->counts.bad++;
        stripe->looked.http_status = 404;
    } else {
        bool fits = strbuf_finish(&buf, &body);
        ASSERT(fits);
    }
    free(stripe->looked.body);
    stripe->looked.body = sim_stripe_copy(body);
    return &stripe->looked;
}
