#include "gateway/gateway_out_json.h"

#include "base/assert.h"
#include "json/json_write.h"

static void write_balances(struct json_writer *out, const struct gateway_view *view)
{
    json_write_object(out, "balances");
    json_write_i64(out, "received_minor", view->received_minor);
    json_write_i64(out, "held_minor", view->held_minor);
    json_write_i64(out, "disputed_minor", view->disputed_minor);
    json_write_i64(out, "suspense_minor", view->suspense_minor);
    json_write_i64(out, "due_seller_minor", view->due_seller_minor);
    json_write_i64(out, "due_buyer_minor", view->due_buyer_minor);
    json_write_i64(out, "paid_out_minor", view->paid_out_minor);
    json_write_i64(out, "refunded_minor", view->refunded_minor);
    json_write_i64(out, "fee_deferred_minor", view->fee_deferred_minor);
    json_write_i64(out, "fee_minor", view->fee_minor);
    json_write_i64(out, "released_minor", view->released_minor);
    json_write_i64(out, "returned_minor", view->returned_minor);
    json_write_end(out);
}

static void write_attention(struct json_writer *out, const struct gateway_view *view)
{
    json_write_object(out, "attention");
    json_write_bool(out, "payment_setup_failed", view->payment_setup_failed);
    json_write_i64(out, "payout_failed_minor", view->payout_failed_minor);
    json_write_i64(out, "refund_failed_minor", view->refund_failed_minor);
    json_write_bool(out, "foreign_money", view->foreign_money);
    json_write_end(out);
}

/* With the client secret one can pay this one payment and nothing else; still, it is the buyer's,
 * and of no use once the money is there. */
static void write_payment(struct json_writer *out, const struct gateway_view *view,
                          enum gateway_role role)
{
    bool payable = view->state == GATEWAY_STATE_CREATED || view->state == GATEWAY_STATE_AWAIT_FUNDS;
    if (role != GATEWAY_ROLE_BUYER || view->payment_ref.len == 0) {
        json_write_null(out, "payment");
        return;
    }
    json_write_object(out, "payment");
    json_write_str(out, "provider", STR("stripe"));
    json_write_str(out, "payment_intent", view->payment_ref);
    if (payable && view->payment_client_secret.len > 0) {
        json_write_str(out, "client_secret", view->payment_client_secret);
    } else {
        json_write_null(out, "client_secret");
    }
    json_write_end(out);
}

/* Where the seller is paid is not the buyer's business, nor the arbiter's. */
static void write_seller_account(struct json_writer *out, struct str account,
                                 enum gateway_role role)
{
    if (role == GATEWAY_ROLE_BUYER || role == GATEWAY_ROLE_ARBITER) {
        json_write_null(out, "seller_account");
    } else {
        json_write_str(out, "seller_account", account);
    }
}

static void write_rejection(struct json_writer *out, struct str code, struct str sentence)
{
    if (code.len == 0) {
        json_write_null(out, "rejection");
        return;
    }
    json_write_object(out, "rejection");
    json_write_str(out, "code", code);
    json_write_str(out, "sentence", sentence);
    json_write_end(out);
}

/* What happens when nobody does anything. */
static void write_deadline(struct json_writer *out, const struct gateway_view *view)
{
    if (view->deadline_state == GATEWAY_STATE_NONE) {
        json_write_null(out, "deadline");
        return;
    }
    json_write_object(out, "deadline");
    json_write_time(out, "at", view->deadline_at_us);
    json_write_str(out, "next_state", gateway_state_name(view->deadline_state));
    json_write_end(out);
}

/* What the two divide, and who must agree to it: the other one. */
static void write_split(struct json_writer *out, const struct gateway_view *view)
{
    if (view->split_number == 0) {
        json_write_null(out, "split");
        return;
    }
    json_write_object(out, "split");
    json_write_i64(out, "number", view->split_number);
    json_write_id(out, "proposed_by", view->split_by);
    json_write_i64(out, "seller_minor", view->split_seller_minor);
    json_write_i64(out, "buyer_minor", view->split_buyer_minor);
    json_write_end(out);
}

/* Who decides what the two do not settle, and the key that shows it. */
static void write_arbiter(struct json_writer *out, const struct gateway_view *view)
{
    if (id_is_none(view->arbiter_id)) {
        json_write_null(out, "arbiter");
        return;
    }
    json_write_object(out, "arbiter");
    json_write_id(out, "id", view->arbiter_id);
    json_write_str(out, "key", view->arbiter_key);
    json_write_end(out);
}

/* The last one: what a verdict must name; and what was laid before whoever gives it, while it is open. */
static void write_dispute(struct json_writer *out, const struct gateway_view *view)
{
    if (view->dispute_number == 0) {
        json_write_null(out, "dispute");
        return;
    }
    json_write_object(out, "dispute");
    json_write_i64(out, "number", view->dispute_number);
    if (view->docket.len > 0) { /* ours, written when its deal was told of */
        json_write_raw(out, "docket", view->docket);
    } else {
        json_write_null(out, "docket");
    }
    json_write_end(out);
}

static void write_fees(struct json_writer *out, const struct fee_terms *fees)
{
    json_write_i64(out, "buyer_fee_basis_points", fees->buyer.basis_points);
    json_write_i64(out, "buyer_fee_fixed_minor", fees->buyer.fixed_minor);
    json_write_i64(out, "seller_fee_basis_points", fees->seller.basis_points);
    json_write_i64(out, "seller_fee_fixed_minor", fees->seller.fixed_minor);
    json_write_bool(out, "buyer_fee_refundable", fees->buyer_refundable);
}

/* What each will pay and get, to the cent, before any money moves. Null for terms that escrow refuses. */
static void write_preview(struct json_writer *out, int64_t price_minor,
                          const struct fee_terms *fees)
{
    struct fee_split split;
    if (!fee_try_split(price_minor, fees, &split)) {
        json_write_null(out, "preview");
        return;
    }
    json_write_object(out, "preview");
    json_write_i64(out, "buyer_pays_minor", split.buyer_pays_minor);
    json_write_i64(out, "buyer_fee_minor", split.buyer_fee_minor);
    json_write_i64(out, "seller_gets_minor", split.seller_gets_minor);
    json_write_i64(out, "seller_fee_minor", split.seller_fee_minor);
    json_write_i64(out, "platform_gets_minor", split.platform_gets_minor);
    json_write_i64(out, "refund_minor", split.refund_minor);
    json_write_end(out);
}

/* Each is ours, written when its deal was told of. */
static void write_milestones(struct json_writer *out, struct str milestones)
{
    if (milestones.len > 0) {
        json_write_raw(out, "milestones", milestones);
    } else {
        json_write_array(out, "milestones");
        json_write_end(out);
    }
}

struct shown {
    const struct gateway_view *view;
    struct str state;
    struct str code; /* of a rejection */
    struct str sentence;
};

static void write_deal(struct json_writer *out, const struct shown *shown, enum gateway_role role)
{
    const struct gateway_view *view = shown->view;
    json_write_object(out, NULL);
    json_write_id(out, "id", view->id);
    json_write_str(out, "state", shown->state);
    json_write_i64(out, "seq", view->seq);
    json_write_str(out, "currency", currency_name(view->currency));
    json_write_i64(out, "amount_minor", view->price_minor);
    write_balances(out, view);
    write_attention(out, view);
    json_write_id(out, "marketplace_id", view->marketplace_id);
    json_write_id(out, "buyer_id", view->buyer_id);
    json_write_id(out, "seller_id", view->seller_id);
    write_arbiter(out, view);
    write_seller_account(out, view->seller_account, role);
    json_write_i64(out, "funding_seconds", view->funding_seconds);
    json_write_i64(out, "delivery_seconds", view->delivery_seconds);
    json_write_i64(out, "inspection_seconds", view->inspection_seconds);
    write_fees(out, &view->fees);
    write_preview(out, view->price_minor, &view->fees);
    write_deadline(out, view);
    write_split(out, view);
    write_milestones(out, view->milestones);
    write_dispute(out, view);
    json_write_str(out, "description", view->description);
    write_payment(out, view, role);
    write_rejection(out, shown->code, shown->sentence);
    json_write_time(out, "created_at", view->created_at_us);
    json_write_time(out, "updated_at", view->updated_at_us);
    json_write_end(out);
}

static struct json_writer begin(struct op *op)
{
    struct json_writer out;
    json_write_init(&out, op->arena, GATEWAY_JSON_MAX_BYTES);
    return out;
}

/* 0: there is none. */
static void write_moment(struct json_writer *out, const char *name, int64_t at_us)
{
    if (at_us > 0) {
        json_write_time(out, name, at_us);
    } else {
        json_write_null(out, name);
    }
}

STATUS gateway_out_milestones(struct op *op, const struct gateway_milestone *milestones,
                              uint32_t count, struct str *ret_json)
{
    *ret_json = STR("");
    if (count == 0) {
        return OK;
    }
    struct json_writer out = begin(op);
    json_write_array(&out, NULL);
    for (uint32_t i = 0; i < count; i++) {
        json_write_object(&out, NULL);
        json_write_i64(&out, "number", (int64_t)i + 1);
        json_write_str(&out, "title", milestones[i].title);
        json_write_i64(&out, "amount_minor", milestones[i].amount_minor);
        json_write_str(&out, "state", gateway_milestone_state_name(milestones[i].state));
        write_moment(&out, "inspection_ends_at", milestones[i].inspection_ends_us);
        write_moment(&out, "answer_ends_at", milestones[i].answer_ends_us);
        json_write_end(&out);
    }
    json_write_end(&out);
    return json_write_finish(op, &out, ret_json);
}

STATUS gateway_out_view(struct op *op, const struct gateway_view *view, enum gateway_role role,
                        struct str *ret_json)
{
    const struct shown shown = {.view = view, .state = gateway_state_name(view->state)};
    struct json_writer out = begin(op);
    write_deal(&out, &shown, role);
    return json_write_finish(op, &out, ret_json);
}

STATUS gateway_out_pending(struct op *op, const struct gateway_deal *deal, enum gateway_role role,
                           struct str *ret_json)
{
    const struct gateway_pending *pending = &deal->pending;
    const struct gateway_view view = {
        .id = pending->id,
        .currency = pending->currency,
        .price_minor = pending->price_minor,
        .marketplace_id = pending->marketplace_id,
        .buyer_id = pending->buyer_id,
        .seller_id = pending->seller_id,
        .arbiter_id = pending->arbiter_id,
        .arbiter_key = pending->arbiter_key,
        .seller_account = pending->seller_account,
        .funding_seconds = pending->funding_seconds,
        .delivery_seconds = pending->delivery_seconds,
        .inspection_seconds = pending->inspection_seconds,
        .fees = pending->fees,
        .description = pending->description,
        .milestones = pending->milestones,
        .created_at_us = pending->created_at_us,
        .updated_at_us = pending->created_at_us,
    };
    bool rejected = deal->outcome == INTAKE_REJECTED;
    const struct shown shown = {
        .view = &view,
        .state = rejected ? STR("REJECTED") : gateway_state_name(GATEWAY_STATE_NONE),
        .code = rejected ? deal->outcome_code : STR(""),
        .sentence = rejected ? deal->outcome_sentence : STR(""),
    };
    struct json_writer out = begin(op);
    write_deal(&out, &shown, role);
    return json_write_finish(op, &out, ret_json);
}

STATUS gateway_out_list(struct op *op, const struct gateway_view *views, uint32_t count,
                        const struct gateway_caller *caller, struct str next_cursor,
                        struct str *ret_json)
{
    struct json_writer out = begin(op);
    json_write_object(&out, NULL);
    json_write_array(&out, "items");
    for (uint32_t i = 0; i < count; i++) {
        const struct gateway_parties parties = gateway_view_parties(&views[i]);
        const struct shown shown = {.view = &views[i], .state = gateway_state_name(views[i].state)};
        enum gateway_role role = gateway_role_of(caller, &parties);
        ASSERT(role != GATEWAY_ROLE_NONE); /* the question was for the caller's own */
        write_deal(&out, &shown, role);
    }
    json_write_end(&out);
    if (next_cursor.len > 0) {
        json_write_str(&out, "next_cursor", next_cursor);
    } else {
        json_write_null(&out, "next_cursor");
    }
    json_write_end(&out);
    return json_write_finish(op, &out, ret_json);
}

/* Who of the staff it was is for staff alone. */
static void write_entry(struct json_writer *out, const struct gateway_entry *entry,
                        enum gateway_role role)
{
    bool hidden = entry->actor_kind == ENGINE_ACTOR_STAFF && role != GATEWAY_ROLE_STAFF;
    struct id none = {.bytes = {0}};
    json_write_object(out, NULL);
    json_write_i64(out, "seq", entry->seq);
    json_write_str(out, "type", entry->type);
    json_write_str(out, "state", gateway_state_name(entry->state));
    if (entry->amount_minor != 0) {
        json_write_i64(out, "amount_minor", entry->amount_minor);
    } else {
        json_write_null(out, "amount_minor");
    }
    if (entry->milestone != 0) {
        json_write_i64(out, "milestone", entry->milestone);
    } else {
        json_write_null(out, "milestone");
    }
    json_write_str(out, "note", entry->note);
    json_write_object(out, "actor");
    json_write_str(out, "kind", engine_actor_name((enum engine_actor_kind)entry->actor_kind));
    json_write_id(out, "id", hidden ? none : entry->actor_id);
    json_write_end(out);
    json_write_time(out, "at", entry->at_us);
    json_write_end(out);
}

STATUS gateway_out_timeline(struct op *op, const struct gateway_entry *entries, uint32_t count,
                            enum gateway_role role, int64_t next_after, struct str *ret_json)
{
    struct json_writer out = begin(op);
    json_write_object(&out, NULL);
    json_write_array(&out, "items");
    for (uint32_t i = 0; i < count; i++) {
        write_entry(&out, &entries[i], role);
    }
    json_write_end(&out);
    if (next_after > 0) {
        json_write_i64(&out, "next_after", next_after);
    } else {
        json_write_null(&out, "next_after");
    }
    json_write_end(&out);
    return json_write_finish(op, &out, ret_json);
}

static struct str outcome_name(enum intake_outcome outcome)
{
    switch (outcome) {
    case INTAKE_OPEN: return STR("pending");
    case INTAKE_ACCEPTED: return STR("accepted");
    case INTAKE_REJECTED: return STR("rejected");
    case INTAKE_OUTCOME_COUNT: break;
    }
    UNREACHABLE("intake outcome");
}

/* "CreateEscrow" of "holdfast.escrow.v1.CreateEscrow". */
static struct str short_type(struct str type)
{
    struct str head;
    struct str tail;
    while (str_cut(type, '.', &head, &tail)) {
        type = tail;
    }
    return type;
}

STATUS gateway_out_user(struct op *op, const struct gateway_user *user, struct str *ret_json)
{
    const struct gateway_account *account = &user->account;
    bool rejected = !user->is_registered && user->outcome == INTAKE_REJECTED;
    struct str waiting = rejected ? STR("rejected") : STR("pending");
    struct json_writer out = begin(op);
    json_write_object(&out, NULL);
    json_write_id(&out, "id", account->id);
    json_write_str(&out, "status", user->is_registered ? STR("registered") : waiting);
    json_write_str(&out, "display_name", account->display_name);
    if (account->discord_id.len > 0) {
        json_write_str(&out, "discord_id", account->discord_id);
    } else {
        json_write_null(&out, "discord_id");
    }
    json_write_id(&out, "marketplace_id", account->marketplace_id);
    write_rejection(&out, rejected ? user->outcome_code : STR(""), user->outcome_sentence);
    json_write_time(&out, "created_at", account->created_at_us);
    json_write_time(&out, "updated_at", account->updated_at_us);
    json_write_end(&out);
    return json_write_finish(op, &out, ret_json);
}

/* What a command is about: a deal, or a user. The other one is null. */
static void write_subject(struct json_writer *out, struct str topic, struct id key)
{
    struct id none = {.bytes = {0}};
    bool of_user = str_eq(topic, str_of(topology_topics[TOPIC_GATEWAY_COMMANDS_V1].name));
    json_write_id(out, "escrow_id", of_user ? none : key);
    json_write_id(out, "user_id", of_user ? key : none);
}

STATUS gateway_out_command(struct op *op, const struct gateway_command_row *command,
                           struct str *ret_json)
{
    bool rejected = command->outcome == INTAKE_REJECTED;
    struct json_writer out = begin(op);
    json_write_object(&out, NULL);
    json_write_id(&out, "command_id", command->id);
    write_subject(&out, command->topic, command->key);
    json_write_str(&out, "type", short_type(command->type));
    json_write_str(&out, "status", outcome_name(command->outcome));
    write_rejection(&out, rejected ? command->code : STR(""), command->sentence);
    json_write_time(&out, "created_at", command->created_at_us);
    if (command->closed_at_us > 0) {
        json_write_time(&out, "closed_at", command->closed_at_us);
    } else {
        json_write_null(&out, "closed_at");
    }
    json_write_end(&out);
    return json_write_finish(op, &out, ret_json);
}

STATUS gateway_out_accepted(struct op *op, const struct intake_request *request,
                            struct str *ret_json)
{
    struct json_writer out = begin(op);
    json_write_object(&out, NULL);
    json_write_id(&out, "command_id", request->id);
    write_subject(&out, str_of(topology_topics[request->topic].name), request->key);
    json_write_str(&out, "status", STR("pending"));
    if (request->extra_table == &gateway_pending_table) {
        const struct gateway_pending *pending = request->extra_row;
        write_preview(&out, pending->price_minor, &pending->fees);
    } else {
        json_write_null(&out, "preview");
    }
    json_write_end(&out);
    return json_write_finish(op, &out, ret_json);
}
