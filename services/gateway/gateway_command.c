#include "gateway/gateway_command.h"

#include "base/assert.h"
#include "base/defer.h"
#include "base/sign.h"
#include "gateway/gateway_out_json.h"
#include "gateway/gateway_repo.h"
#include "holdfast/escrow/v1/commands.pb-c.h"
#include "wire/wire.h"

#define NAME_MAX_BYTES 256         /* account, method, path and key, each bounded */
#define DESCRIPTION_MAX_BYTES 1000 /* what escrow and payments take */
#define REASON_MAX_BYTES 500
#define TITLE_MAX_BYTES 160
#define POINTER_MAX_BYTES 32 /* "/milestones/19/amount_minor" */

#define MAY(role) (1U << (role))

struct action_row {
    const char *verb; /* of the path; "" for CREATE */
    uint32_t roles;
    enum gateway_reason_rule reason;
};

/* clang-format off */
static const struct action_row actions[GATEWAY_ACTION_COUNT] = {
    [GATEWAY_CREATE]         = {"", MAY(GATEWAY_ROLE_MARKETPLACE), GATEWAY_REASON_NONE},
    [GATEWAY_MARK_DELIVERED] = {"mark-delivered", MAY(GATEWAY_ROLE_SELLER), GATEWAY_REASON_NONE},
    [GATEWAY_RELEASE]        = {"release", MAY(GATEWAY_ROLE_BUYER), GATEWAY_REASON_NONE},
    [GATEWAY_CANCEL]         = {"cancel", MAY(GATEWAY_ROLE_BUYER) | MAY(GATEWAY_ROLE_SELLER) |
                                MAY(GATEWAY_ROLE_MARKETPLACE) | MAY(GATEWAY_ROLE_STAFF), GATEWAY_REASON_MAY},
    [GATEWAY_REFUND]         = {"refund", MAY(GATEWAY_ROLE_SELLER) | MAY(GATEWAY_ROLE_STAFF), GATEWAY_REASON_MAY},
    [GATEWAY_RETRY]          = {"retry", MAY(GATEWAY_ROLE_STAFF), GATEWAY_REASON_NONE},
    [GATEWAY_REJECT_DELIVERY] = {"reject-delivery", MAY(GATEWAY_ROLE_BUYER), GATEWAY_REASON_MUST},
    [GATEWAY_ACCEPT_RETURN]  = {"accept-return", MAY(GATEWAY_ROLE_SELLER), GATEWAY_REASON_NONE},
    [GATEWAY_RAISE_DISPUTE]  = {"raise-dispute", MAY(GATEWAY_ROLE_BUYER) | MAY(GATEWAY_ROLE_SELLER), GATEWAY_REASON_MUST},
    [GATEWAY_WITHDRAW_DISPUTE] = {"withdraw-dispute", MAY(GATEWAY_ROLE_BUYER) | MAY(GATEWAY_ROLE_SELLER), GATEWAY_REASON_NONE},
    [GATEWAY_RELEASE_PART]   = {"release-part", MAY(GATEWAY_ROLE_BUYER), GATEWAY_REASON_NONE},
    [GATEWAY_PROPOSE_SPLIT]  = {"propose-split", MAY(GATEWAY_ROLE_BUYER) | MAY(GATEWAY_ROLE_SELLER), GATEWAY_REASON_NONE},
    [GATEWAY_ACCEPT_SPLIT]   = {"accept-split", MAY(GATEWAY_ROLE_BUYER) | MAY(GATEWAY_ROLE_SELLER), GATEWAY_REASON_NONE},
    [GATEWAY_RESOLVE_DISPUTE] = {"resolve-dispute", MAY(GATEWAY_ROLE_ARBITER) | MAY(GATEWAY_ROLE_STAFF), GATEWAY_REASON_MUST},
    [GATEWAY_SUBMIT_EVIDENCE] = {"evidence", MAY(GATEWAY_ROLE_BUYER) | MAY(GATEWAY_ROLE_SELLER), GATEWAY_REASON_NONE},
    [GATEWAY_WITHDRAW_SPLIT] = {"withdraw-split", MAY(GATEWAY_ROLE_BUYER) | MAY(GATEWAY_ROLE_SELLER), GATEWAY_REASON_NONE},
};

/* clang-format on */

enum gateway_action gateway_action_of_verb(struct str verb)
{
    for (uint32_t i = GATEWAY_CREATE + 1; i < GATEWAY_ACTION_COUNT; i++) {
        if (str_eq(str_of(actions[i].verb), verb)) {
            return (enum gateway_action)i;
        }
    }
    return GATEWAY_ACTION_NONE;
}

bool gateway_action_allowed(enum gateway_action action, enum gateway_role role)
{
    ASSERT(action < GATEWAY_ACTION_COUNT);
    return (actions[action].roles & MAY(role)) != 0;
}

enum gateway_reason_rule gateway_action_reason(enum gateway_action action)
{
    ASSERT(action < GATEWAY_ACTION_COUNT);
    return actions[action].reason;
}

/* ---- What is asked for ---- */

static struct status refuse(struct op *op, const char *code, struct str field)
{
    return op_blame(op, op_fail(op, STATUS_INVALID, code, STR_FMT, STR_ARG(field)), field);
}

static bool is_account(struct str text)
{
    struct str prefix = STR("acct_");
    if (!str_has_prefix(text, prefix) || text.len == prefix.len ||
        text.len > GATEWAY_ACCOUNT_MAX_CHARS) {
        return false;
    }
    for (size_t i = prefix.len; i < text.len; i++) {
        char c = text.ptr[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!good) {
            return false;
        }
    }
    return true;
}

/* A third person, and the key: both or neither. */
static struct status check_arbiter(struct op *op, const struct gateway_terms *terms)
{
    bool none = id_is_none(terms->arbiter_id);
    if (!none &&
        (id_eq(terms->arbiter_id, terms->buyer_id) || id_eq(terms->arbiter_id, terms->seller_id))) {
        return refuse(op, "escrow.bad_arbiter", STR("/arbiter_id"));
    }
    bool right =
        none ? terms->arbiter_key.len == 0 : gateway_is_hex(terms->arbiter_key, SIGN_PUBLIC_BYTES);
    return right ? OK : refuse(op, "escrow.bad_arbiter", STR("/arbiter_key"));
}

/* Each term by itself, so that the right one is blamed; then what is left for the seller. */
static struct status check_fees(struct op *op, const struct gateway_terms *terms)
{
    const struct {
        int64_t value;
        int64_t max;
        struct str field;
    } rows[] = {
        {terms->fees.buyer.basis_points, FEE_BASIS_POINTS_MAX, STR("/buyer_fee_basis_points")},
        {terms->fees.buyer.fixed_minor, FEE_FIXED_MAX_MINOR, STR("/buyer_fee_fixed_minor")},
        {terms->fees.seller.basis_points, FEE_BASIS_POINTS_MAX, STR("/seller_fee_basis_points")},
        {terms->fees.seller.fixed_minor, FEE_FIXED_MAX_MINOR, STR("/seller_fee_fixed_minor")},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].value < 0 || rows[i].value > rows[i].max) {
            return refuse(op, "escrow.bad_fees", rows[i].field);
        }
    }
    struct fee_split split;
    if (!fee_try_split(terms->amount_minor, &terms->fees, &split)) {
        return refuse(op, "escrow.bad_fees", STR("/seller_fee_basis_points"));
    }
    /* REQ-H1: the card is charged with the buyer's fee too, and no rail takes more yet. */
    return split.buyer_pays_minor <= GATEWAY_AMOUNT_MAX_MINOR
               ? OK
               : refuse(op, "gateway.amount_limit", STR("/amount_minor"));
}

static struct status refuse_milestone(struct op *op, const char *code, uint32_t at,
                                      const char *field)
{
    char memory[POINTER_MAX_BYTES];
    struct strbuf buf;
    struct str pointer;
    strbuf_init_fixed(&buf, memory, sizeof(memory));
    strbuf_addf(&buf, "/milestones/%u/%s", at, field);
    bool fits = strbuf_finish(&buf, &pointer);
    ASSERT(fits);
    return refuse(op, code, pointer);
}

static bool is_title(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f) {
            return false;
        }
    }
    return text.len > 0 && text.len <= TITLE_MAX_BYTES &&
           gateway_characters(text) <= GATEWAY_TITLE_MAX_CHARS;
}

/* What the fee leaves of each is escrow's to say. */
static struct status check_milestones(struct op *op, const struct gateway_terms *terms)
{
    const struct gateway_milestone *milestones = terms->milestones.rows;
    uint32_t count = terms->milestones.count;
    int64_t sum_minor = 0;
    if (!milestones) {
        return OK;
    }
    if (count < GATEWAY_MILESTONES_MIN || count > GATEWAY_MILESTONES_MAX) {
        return refuse(op, "escrow.bad_milestones", STR("/milestones"));
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!is_title(milestones[i].title)) {
            return refuse_milestone(op, "escrow.bad_text", i, "title");
        }
        if (milestones[i].amount_minor < GATEWAY_AMOUNT_MIN_MINOR ||
            milestones[i].amount_minor >= terms->amount_minor) {
            return refuse_milestone(op, "escrow.bad_milestones", i, "amount_minor");
        }
        sum_minor += milestones[i].amount_minor; /* twenty prices at most: no overflow */
    }
    return sum_minor == terms->amount_minor
               ? OK
               : refuse(op, "escrow.bad_milestones", STR("/milestones"));
}

STATUS gateway_terms_check(struct op *op, const struct gateway_terms *terms)
{
    enum currency currency = CURRENCY_NONE;
    if (id_eq(terms->buyer_id, terms->seller_id)) {
        return refuse(op, "escrow.same_party", STR("/seller_id"));
    }
    if (!is_account(terms->seller_account)) {
        return refuse(op, "gateway.seller_account", STR("/seller_account"));
    }
    if (!currency_parse(terms->currency, &currency)) {
        return refuse(op, "gateway.currency", STR("/currency"));
    }
    if (terms->amount_minor < GATEWAY_AMOUNT_MIN_MINOR ||
        terms->amount_minor > GATEWAY_AMOUNT_MAX_MINOR) {
        return refuse(op, "gateway.amount_limit", STR("/amount_minor"));
    }
    if (terms->funding_seconds < GATEWAY_FUNDING_MIN_SECONDS ||
        terms->funding_seconds > GATEWAY_FUNDING_MAX_SECONDS) {
        return refuse(op, "escrow.bad_funding", STR("/funding_seconds"));
    }
    if (terms->delivery_seconds < GATEWAY_DELIVERY_MIN_SECONDS ||
        terms->delivery_seconds > GATEWAY_DELIVERY_MAX_SECONDS) {
        return refuse(op, "escrow.bad_delivery", STR("/delivery_seconds"));
    }
    if (terms->inspection_seconds < GATEWAY_INSPECTION_MIN_SECONDS ||
        terms->inspection_seconds > GATEWAY_INSPECTION_MAX_SECONDS) {
        return refuse(op, "escrow.bad_inspection", STR("/inspection_seconds"));
    }
    TRY(check_fees(op, terms));
    TRY(check_arbiter(op, terms));
    if (gateway_characters(terms->description) > GATEWAY_DESCRIPTION_MAX_CHARS ||
        terms->description.len > DESCRIPTION_MAX_BYTES) {
        return refuse(op, "escrow.bad_text", STR("/description"));
    }
    return check_milestones(op, terms);
}

STATUS gateway_reason_check(struct op *op, enum gateway_action action, struct str reason)
{
    bool missing = gateway_action_reason(action) == GATEWAY_REASON_MUST && reason.len == 0;
    if (missing || gateway_characters(reason) > GATEWAY_REASON_MAX_CHARS ||
        reason.len > REASON_MAX_BYTES) {
        return refuse(op, "escrow.bad_text", STR("/reason"));
    }
    return OK;
}

STATUS gateway_part_check(struct op *op, int64_t amount_minor)
{
    bool fits = amount_minor >= GATEWAY_AMOUNT_MIN_MINOR && amount_minor < GATEWAY_AMOUNT_MAX_MINOR;
    return fits ? OK : refuse(op, "escrow.bad_part", STR("/amount_minor"));
}

STATUS gateway_split_check(struct op *op, int64_t seller_minor, int64_t buyer_minor)
{
    if (seller_minor < 0 || seller_minor > GATEWAY_AMOUNT_MAX_MINOR) {
        return refuse(op, "escrow.bad_split", STR("/seller_minor"));
    }
    bool some = seller_minor > 0 || buyer_minor > 0;
    bool fits = some && buyer_minor >= 0 && buyer_minor <= GATEWAY_AMOUNT_MAX_MINOR;
    return fits ? OK : refuse(op, "escrow.bad_split", STR("/buyer_minor"));
}

/* ---- Ids ---- */

static struct status make_command_id(struct op *op, const struct gateway_order *order,
                                     struct id *ret_id)
{
    struct strbuf buf;
    strbuf_init(&buf, op->arena, NAME_MAX_BYTES);
    strbuf_add(&buf, STR("/v1/escrows"));
    if (order->action != GATEWAY_CREATE) {
        char escrow[ID_TEXT_BYTES];
        id_format(order->escrow_id, escrow);
        strbuf_addf(&buf, "/%s/%s", escrow, actions[order->action].verb);
    }
    struct str path;
    if (!strbuf_finish(&buf, &path)) {
        return op_arena_full(op);
    }
    return gateway_command_id(op, order->caller.account_id, path, order->key, ret_id);
}

STATUS gateway_command_id(struct op *op, struct id account, struct str path, struct str key,
                          struct id *ret_id)
{
    char who[ID_TEXT_BYTES];
    id_format(account, who);
    struct strbuf name;
    strbuf_init(&name, op->arena, NAME_MAX_BYTES);
    strbuf_addf(&name, "%s\nPOST\n" STR_FMT "\n" STR_FMT, who, STR_ARG(path), STR_ARG(key));
    struct str text;
    if (!strbuf_finish(&name, &text)) {
        return op_arena_full(op);
    }
    *ret_id = id_v5(id_namespace(STR("holdfast/command")), text);
    return OK;
}

/* One creation, one escrow: a repeated request creates the same. */
static struct id make_escrow_id(struct id command_id)
{
    return id_v5(
        id_namespace(STR("holdfast/escrow")),
        (struct str){.ptr = (const char *)command_id.bytes, .len = sizeof(command_id.bytes)});
}

/* ---- The record ---- */

struct id gateway_command_correlation(const struct op *op)
{
    struct id id;
    return id_parse(op->correlation_id, &id) ? id : id_random();
}

#define NEW_BODY(type, init, field, which)                                   \
    type *body = arena_new(op->arena, type, 1);                              \
    if (!body) {                                                             \
        return op_arena_full(op);                                            \
    }                                                                        \
    init(body);                                                              \
    command->field = body;                                                   \
    command->body_case = HOLDFAST__ESCROW__V1__ESCROW_COMMAND__BODY_##which; \
    *ret_body = &body->base

static struct status fill_milestones(struct op *op, const struct json_items *items,
                                     Holdfast__Escrow__V1__CreateEscrow *body)
{
    const struct gateway_milestone *milestones = items->rows;
    uint32_t count = items->count;
    Holdfast__Escrow__V1__Milestone *out =
        arena_new(op->arena, Holdfast__Escrow__V1__Milestone, count);
    body->milestones = arena_new(op->arena, Holdfast__Escrow__V1__Milestone *, count);
    if (!out || !body->milestones) {
        return op_arena_full(op);
    }
    for (uint32_t i = 0; i < count; i++) {
        holdfast__escrow__v1__milestone__init(&out[i]);
        out[i].amount_minor = milestones[i].amount_minor;
        TRY(wire_fill_text(op, milestones[i].title, &out[i].title));
        body->milestones[i] = &out[i];
    }
    body->n_milestones = count;
    return OK;
}

static struct status fill_hex(struct op *op, struct str hex, ProtobufCBinaryData *ret_bytes)
{
    struct str bytes;
    TRY(gateway_hex_bytes(op, hex, &bytes));
    *ret_bytes = wire_borrow(bytes.ptr, bytes.len);
    return OK;
}

static struct status fill_create(struct op *op, const struct gateway_order *order,
                                 Holdfast__Escrow__V1__EscrowCommand *command,
                                 const ProtobufCMessage **ret_body)
{
    const struct gateway_terms *terms = &order->terms;
    NEW_BODY(Holdfast__Escrow__V1__CreateEscrow, holdfast__escrow__v1__create_escrow__init,
             create_escrow, CREATE_ESCROW);
    TRY(wire_fill_id(op, order->caller.account_id, &body->marketplace_id));
    TRY(wire_fill_id(op, terms->buyer_id, &body->buyer_id));
    TRY(wire_fill_id(op, terms->seller_id, &body->seller_id));
    TRY(wire_fill_money(op, CURRENCY_USD, terms->amount_minor, &body->price));
    TRY(wire_fill_text(op, terms->seller_account, &body->seller_account));
    body->funding_seconds = terms->funding_seconds;
    body->delivery_seconds = terms->delivery_seconds;
    body->inspection_seconds = terms->inspection_seconds;
    TRY(wire_fill_fees(op, &terms->fees, &body->fees));
    TRY(fill_milestones(op, &terms->milestones, body));
    TRY(wire_fill_id(op, terms->arbiter_id, &body->arbiter_id));
    TRY(fill_hex(op, terms->arbiter_key, &body->arbiter_key));
    return wire_fill_text(op, terms->description, &body->description);
}

static struct status fill_resolve(struct op *op, const struct gateway_order *order,
                                  Holdfast__Escrow__V1__EscrowCommand *command,
                                  const ProtobufCMessage **ret_body)
{
    NEW_BODY(Holdfast__Escrow__V1__ResolveDispute, holdfast__escrow__v1__resolve_dispute__init,
             resolve_dispute, RESOLVE_DISPUTE);
    body->number = order->number;
    body->seller_minor = order->seller_minor;
    body->buyer_minor = order->buyer_minor;
    TRY(fill_hex(op, order->head, &body->head));
    TRY(fill_hex(op, order->signature, &body->signature));
    return wire_fill_text(op, order->reason, &body->reason);
}

static struct status fill_evidence(struct op *op, const struct gateway_order *order,
                                   Holdfast__Escrow__V1__EscrowCommand *command,
                                   const ProtobufCMessage **ret_body)
{
    NEW_BODY(Holdfast__Escrow__V1__SubmitEvidence, holdfast__escrow__v1__submit_evidence__init,
             submit_evidence, SUBMIT_EVIDENCE);
    body->content = wire_borrow(order->content.bytes, HASH_BYTES);
    body->type = (Holdfast__Escrow__V1__EvidenceType)order->media;
    body->size_bytes = order->size_bytes;
    return wire_fill_text(op, order->reason, &body->description);
}

static struct status fill_propose(struct op *op, const struct gateway_order *order,
                                  Holdfast__Escrow__V1__EscrowCommand *command,
                                  const ProtobufCMessage **ret_body)
{
    NEW_BODY(Holdfast__Escrow__V1__ProposeSplit, holdfast__escrow__v1__propose_split__init,
             propose_split, PROPOSE_SPLIT);
    body->seller_minor = order->seller_minor;
    body->buyer_minor = order->buyer_minor;
    return OK;
}

static struct status fill_accept(struct op *op, const struct gateway_order *order,
                                 Holdfast__Escrow__V1__EscrowCommand *command,
                                 const ProtobufCMessage **ret_body)
{
    NEW_BODY(Holdfast__Escrow__V1__AcceptSplit, holdfast__escrow__v1__accept_split__init,
             accept_split, ACCEPT_SPLIT);
    body->number = order->number;
    return OK;
}

static struct status fill_release_part(struct op *op, const struct gateway_order *order,
                                       Holdfast__Escrow__V1__EscrowCommand *command,
                                       const ProtobufCMessage **ret_body)
{
    NEW_BODY(Holdfast__Escrow__V1__ReleasePart, holdfast__escrow__v1__release_part__init,
             release_part, RELEASE_PART);
    body->amount_minor = order->amount_minor;
    return OK;
}

static struct status fill_body(struct op *op, const struct gateway_order *order,
                               Holdfast__Escrow__V1__EscrowCommand *command,
                               const ProtobufCMessage **ret_body)
{
    switch (order->action) {
    case GATEWAY_CREATE: return fill_create(op, order, command, ret_body);
    case GATEWAY_MARK_DELIVERED: {
        NEW_BODY(Holdfast__Escrow__V1__MarkDelivered, holdfast__escrow__v1__mark_delivered__init,
                 mark_delivered, MARK_DELIVERED);
        body->milestone = order->milestone;
        return OK;
    }
    case GATEWAY_RELEASE: {
        NEW_BODY(Holdfast__Escrow__V1__ReleaseFunds, holdfast__escrow__v1__release_funds__init,
                 release_funds, RELEASE_FUNDS);
        body->milestone = order->milestone;
        return OK;
    }
    case GATEWAY_CANCEL: {
        NEW_BODY(Holdfast__Escrow__V1__CancelEscrow, holdfast__escrow__v1__cancel_escrow__init,
                 cancel_escrow, CANCEL_ESCROW);
        return wire_fill_text(op, order->reason, &body->reason);
    }
    case GATEWAY_REFUND: {
        NEW_BODY(Holdfast__Escrow__V1__Refund, holdfast__escrow__v1__refund__init, refund, REFUND);
        body->milestone = order->milestone;
        return wire_fill_text(op, order->reason, &body->reason);
    }
    case GATEWAY_RETRY: {
        NEW_BODY(Holdfast__Escrow__V1__RetryPayout, holdfast__escrow__v1__retry_payout__init,
                 retry_payout, RETRY_PAYOUT);
        return OK;
    }
    case GATEWAY_REJECT_DELIVERY: {
        NEW_BODY(Holdfast__Escrow__V1__RejectDelivery, holdfast__escrow__v1__reject_delivery__init,
                 reject_delivery, REJECT_DELIVERY);
        body->milestone = order->milestone;
        return wire_fill_text(op, order->reason, &body->reason);
    }
    case GATEWAY_ACCEPT_RETURN: {
        NEW_BODY(Holdfast__Escrow__V1__AcceptReturn, holdfast__escrow__v1__accept_return__init,
                 accept_return, ACCEPT_RETURN);
        return OK;
    }
    case GATEWAY_RAISE_DISPUTE: {
        NEW_BODY(Holdfast__Escrow__V1__RaiseDispute, holdfast__escrow__v1__raise_dispute__init,
                 raise_dispute, RAISE_DISPUTE);
        return wire_fill_text(op, order->reason, &body->reason);
    }
    case GATEWAY_WITHDRAW_DISPUTE: {
        NEW_BODY(Holdfast__Escrow__V1__WithdrawDispute,
                 holdfast__escrow__v1__withdraw_dispute__init, withdraw_dispute, WITHDRAW_DISPUTE);
        return OK;
    }
    case GATEWAY_RELEASE_PART: return fill_release_part(op, order, command, ret_body);
    case GATEWAY_PROPOSE_SPLIT: return fill_propose(op, order, command, ret_body);
    case GATEWAY_ACCEPT_SPLIT: return fill_accept(op, order, command, ret_body);
    case GATEWAY_RESOLVE_DISPUTE: return fill_resolve(op, order, command, ret_body);
    case GATEWAY_SUBMIT_EVIDENCE: return fill_evidence(op, order, command, ret_body);
    case GATEWAY_WITHDRAW_SPLIT: {
        NEW_BODY(Holdfast__Escrow__V1__WithdrawSplit, holdfast__escrow__v1__withdraw_split__init,
                 withdraw_split, WITHDRAW_SPLIT);
        body->number = order->number;
        return OK;
    }
    case GATEWAY_ACTION_NONE:
    case GATEWAY_ACTION_COUNT: break;
    }
    UNREACHABLE("gateway action");
}

static struct status fill_request(struct op *op, const struct gateway_order *order,
                                  struct intake_request *request)
{
    const struct engine_actor actor = {.kind = order->caller.kind, .id = order->caller.account_id};
    Holdfast__Escrow__V1__EscrowCommand command;
    const ProtobufCMessage *body = NULL;
    holdfast__escrow__v1__escrow_command__init(&command);
    TRY(wire_meta_origin(op, request->id, gateway_command_correlation(op), actor, &command.meta));
    TRY(wire_fill_id(op, request->key, &command.escrow_id));
    TRY(fill_body(op, order, &command, &body));
    request->topic = TOPIC_ESCROW_COMMANDS_V1;
    request->type = wire_type(body);
    request->account = order->caller.account_id;
    TRY(wire_content_of(op, request->key, actor, body, &request->content));
    return wire_pack(op, &command.base, &request->payload);
}

static struct gateway_pending make_pending(const struct gateway_order *order,
                                           const struct intake_request *request)
{
    const struct gateway_terms *terms = &order->terms;
    return (struct gateway_pending){
        .id = request->key,
        .command_id = request->id,
        .marketplace_id = order->caller.account_id,
        .buyer_id = terms->buyer_id,
        .seller_id = terms->seller_id,
        .arbiter_id = terms->arbiter_id,
        .arbiter_key = terms->arbiter_key,
        .currency = CURRENCY_USD,
        .price_minor = terms->amount_minor,
        .seller_account = terms->seller_account,
        .funding_seconds = terms->funding_seconds,
        .delivery_seconds = terms->delivery_seconds,
        .inspection_seconds = terms->inspection_seconds,
        .fees = terms->fees,
        .description = terms->description,
        .created_at_us = order->now_us,
    };
}

/* As they will be shown until escrow tells of them: each waits to be delivered. */
static struct status make_milestones(struct op *op, const struct json_items *items,
                                     struct str *ret_json)
{
    const struct gateway_milestone *asked = items->rows;
    struct gateway_milestone *shown = arena_new(op->arena, struct gateway_milestone, items->count);
    if (!shown) {
        return op_arena_full(op);
    }
    for (uint32_t i = 0; i < items->count; i++) {
        shown[i] = (struct gateway_milestone){.title = asked[i].title,
                                              .amount_minor = asked[i].amount_minor,
                                              .state = GATEWAY_MILESTONE_OPEN};
    }
    return gateway_out_milestones(op, shown, items->count, ret_json);
}

STATUS gateway_command_make(struct op *op, const struct gateway_order *order,
                            struct gateway_command *ret_command)
{
    ASSERT(order->action > GATEWAY_ACTION_NONE);
    ASSERT(order->action < GATEWAY_ACTION_COUNT);
    ASSERT(id_is_none(order->escrow_id) == (order->action == GATEWAY_CREATE));
    struct intake_request *request = &ret_command->request;
    *ret_command = (struct gateway_command){.escrow_id = order->escrow_id};
    TRY(make_command_id(op, order, &request->id));
    if (order->action == GATEWAY_CREATE) {
        ret_command->escrow_id = make_escrow_id(request->id);
    }
    request->key = ret_command->escrow_id;
    TRY(fill_request(op, order, request));
    if (order->action == GATEWAY_CREATE) {
        ret_command->pending = make_pending(order, request);
        TRY(make_milestones(op, &order->terms.milestones, &ret_command->pending.milestones));
        request->extra_table = &gateway_pending_table;
        request->extra_row = &ret_command->pending;
    }
    return OK;
}
