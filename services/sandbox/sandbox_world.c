/* In: decoded forms. Out: objects and refusals, as the real provider's documentation describes. Money
 * that left (transfers, refunds) never exceeds money that came in. */
#include "sandbox/sandbox_world.h"

#include <string.h>

#include "base/assert.h"
#include "base/id.h"
#include "base/money.h"

#define INTENT_MIN_MINOR 50
#define AMOUNT_MAX_MINOR 99999999
#define ID_MAX_BYTES 64
#define ID_INDEX_DIGITS 8

static struct sandbox_refusal refuse(enum sandbox_error error, struct str about)
{
    return (struct sandbox_refusal){.error = error, .about = about};
}

static struct sandbox_refusal refuse_state(const struct sandbox_intent *intent)
{
    return (struct sandbox_refusal){
        .error = SANDBOX_ERROR_INTENT_STATE, .about = intent->id, .intent = intent};
}

static const struct sandbox_refusal allowed = {.error = SANDBOX_ERROR_NONE};

void *sandbox_shelf_add(struct sandbox_shelf *shelf, struct arena *arena, size_t item_bytes)
{
    uint32_t chunk = shelf->count / SANDBOX_SHELF_CHUNK_ITEMS;
    if (chunk == SANDBOX_SHELF_CHUNKS) {
        return NULL;
    }
    if (!shelf->chunks[chunk]) {
        shelf->chunks[chunk] = arena_alloc(arena, SANDBOX_SHELF_CHUNK_ITEMS, item_bytes);
        if (!shelf->chunks[chunk]) {
            return NULL;
        }
    }
    uint32_t index = shelf->count++;
    return sandbox_shelf_at(shelf, item_bytes, index);
}

void *sandbox_shelf_at(const struct sandbox_shelf *shelf, size_t item_bytes, uint32_t index)
{
    ASSERT(index < shelf->count);
    char *chunk = shelf->chunks[index / SANDBOX_SHELF_CHUNK_ITEMS];
    return chunk + (index % SANDBOX_SHELF_CHUNK_ITEMS) * item_bytes;
}

void sandbox_world_init(struct sandbox_world *world)
{
    *world = (struct sandbox_world){.intents = {.count = 0}};
    arena_init(&world->arena, SANDBOX_WORLD_MAX_BYTES);
}

void sandbox_world_fini(struct sandbox_world *world)
{
    arena_fini(&world->arena);
}

struct str sandbox_world_new_id(struct arena *arena, const char *prefix, uint32_t index)
{
    struct id random = id_random();
    struct strbuf buf;
    strbuf_init(&buf, arena, ID_MAX_BYTES);
    strbuf_addf(&buf, "%s%08x", prefix, index);
    strbuf_add_hex(&buf, random.bytes + 8, 8);
    struct str id;
    return strbuf_finish(&buf, &id) ? id : (struct str){.ptr = NULL, .len = 0};
}

/* The index that an id of this prefix claims to have; false when it is none of ours. */
static bool index_of(struct str id, struct str prefix, uint32_t count, uint32_t *ret_index)
{
    uint8_t bytes[ID_INDEX_DIGITS / 2];
    if (!str_has_prefix(id, prefix) || id.len < prefix.len + ID_INDEX_DIGITS) {
        return false;
    }
    struct str digits = {.ptr = id.ptr + prefix.len, .len = ID_INDEX_DIGITS};
    if (!str_from_hex(digits, bytes, sizeof(bytes))) {
        return false;
    }
    *ret_index = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
                 (uint32_t)bytes[3];
    return *ret_index < count;
}

struct sandbox_intent *sandbox_world_intent(const struct sandbox_world *world, struct str id)
{
    uint32_t index;
    if (!index_of(id, STR("pi_"), world->intents.count, &index)) {
        return NULL;
    }
    struct sandbox_intent *intent = sandbox_shelf_at(&world->intents, sizeof(*intent), index);
    return str_eq(intent->id, id) ? intent : NULL;
}

struct sandbox_intent *sandbox_world_intent_of_charge(const struct sandbox_world *world,
                                                      struct str charge_id)
{
    uint32_t index;
    if (!index_of(charge_id, STR("ch_"), world->intents.count, &index)) {
        return NULL;
    }
    struct sandbox_intent *intent = sandbox_shelf_at(&world->intents, sizeof(*intent), index);
    bool paid = intent->state == SANDBOX_INTENT_SUCCEEDED;
    return paid && str_eq(intent->charge_id, charge_id) ? intent : NULL;
}

struct sandbox_transfer *sandbox_world_transfer(const struct sandbox_world *world, struct str id)
{
    uint32_t index;
    if (!index_of(id, STR("tr_"), world->transfers.count, &index)) {
        return NULL;
    }
    struct sandbox_transfer *transfer =
        sandbox_shelf_at(&world->transfers, sizeof(*transfer), index);
    return str_eq(transfer->id, id) ? transfer : NULL;
}

struct sandbox_refund *sandbox_world_refund(const struct sandbox_world *world, struct str id)
{
    uint32_t index;
    if (!index_of(id, STR("re_"), world->refunds.count, &index)) {
        return NULL;
    }
    struct sandbox_refund *refund = sandbox_shelf_at(&world->refunds, sizeof(*refund), index);
    return str_eq(refund->id, id) ? refund : NULL;
}

/* ---- Parameters ---- */

static bool is_currency(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 'a' || text.ptr[i] > 'z') {
            return false;
        }
    }
    return text.len == 3;
}

static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '.') {
            return false;
        }
    }
    return text.len > 0;
}

/* The real provider takes any name; ours are plain, and so they need no escaping. */
static bool metadata_name(struct str name, struct str *ret_key)
{
    if (!str_has_prefix(name, STR("metadata[")) || name.ptr[name.len - 1] != ']') {
        return false;
    }
    struct str prefix = STR("metadata[");
    *ret_key = (struct str){.ptr = name.ptr + prefix.len, .len = name.len - prefix.len - 1};
    return is_plain(*ret_key) && ret_key->len <= SANDBOX_METADATA_NAME_MAX_BYTES;
}

/* Every name must be in the list (ends with NULL) or be a metadata entry. */
static struct sandbox_refusal check_names(const struct sandbox_form *form, const char *const *names)
{
    for (uint32_t i = 0; i < form->count; i++) {
        struct str name = form->pairs[i].name;
        struct str key;
        bool known = metadata_name(name, &key);
        for (const char *const *at = names; *at && !known; at++) {
            known = str_eq(name, str_of(*at));
        }
        if (!known) {
            return refuse(SANDBOX_ERROR_PARAMETER_UNKNOWN, name);
        }
    }
    return allowed;
}

static struct sandbox_refusal read_amount(const struct sandbox_form *form, int64_t min_minor,
                                          int64_t *ret_minor)
{
    struct str text = sandbox_form_get(form, STR("amount"));
    if (!text.ptr) {
        return refuse(SANDBOX_ERROR_PARAMETER_MISSING, STR("amount"));
    }
    if (!str_to_i64(text, ret_minor)) {
        return refuse(SANDBOX_ERROR_INVALID_INTEGER, STR("amount"));
    }
    if (*ret_minor < min_minor) {
        return refuse(SANDBOX_ERROR_AMOUNT_TOO_SMALL, STR("amount"));
    }
    if (*ret_minor > AMOUNT_MAX_MINOR) {
        return refuse(SANDBOX_ERROR_AMOUNT_TOO_LARGE, STR("amount"));
    }
    return allowed;
}

static struct sandbox_refusal read_currency(const struct sandbox_form *form,
                                            struct str *ret_currency)
{
    *ret_currency = sandbox_form_get(form, STR("currency"));
    if (!ret_currency->ptr) {
        return refuse(SANDBOX_ERROR_PARAMETER_MISSING, STR("currency"));
    }
    return is_currency(*ret_currency) ? allowed
                                      : refuse(SANDBOX_ERROR_PARAMETER_INVALID, STR("currency"));
}

/* A copy that is never NULL; false when the arena is full. */
static bool keep(struct arena *arena, struct str text, struct str *ret_copy)
{
    *ret_copy = text.len > 0 ? str_dup(arena, text) : STR("");
    return ret_copy->ptr;
}

static struct sandbox_refusal keep_metadata(struct sandbox_world *world,
                                            const struct sandbox_form *form,
                                            struct sandbox_metadata *ret_metadata)
{
    struct sandbox_metadata metadata = {
        .pairs = arena_new(&world->arena, struct sandbox_pair, form->count + 1)};
    if (!metadata.pairs) {
        return refuse(SANDBOX_ERROR_FULL, STR(""));
    }
    for (uint32_t i = 0; i < form->count; i++) {
        struct str key;
        if (!metadata_name(form->pairs[i].name, &key)) {
            continue;
        }
        struct str value = form->pairs[i].value;
        if (metadata.count == SANDBOX_METADATA_MAX ||
            value.len > SANDBOX_METADATA_VALUE_MAX_BYTES) {
            return refuse(SANDBOX_ERROR_PARAMETER_INVALID, STR("metadata"));
        }
        struct sandbox_pair *pair = &metadata.pairs[metadata.count++];
        if (!keep(&world->arena, key, &pair->name) || !keep(&world->arena, value, &pair->value)) {
            return refuse(SANDBOX_ERROR_FULL, STR(""));
        }
    }
    *ret_metadata = metadata;
    return allowed;
}

struct str sandbox_metadata_get(const struct sandbox_metadata *metadata, struct str name)
{
    for (uint32_t i = 0; i < metadata->count; i++) {
        if (str_eq(metadata->pairs[i].name, name)) {
            return metadata->pairs[i].value;
        }
    }
    return STR("");
}

/* ---- Payment intents ---- */

static const char *const intent_params[] = {"amount",
                                            "currency",
                                            "description",
                                            "transfer_group",
                                            "receipt_email",
                                            "statement_descriptor_suffix",
                                            "on_behalf_of",
                                            "capture_method",
                                            "payment_method_types[]",
                                            "payment_method_types[0]",
                                            "automatic_payment_methods[enabled]",
                                            NULL};

struct sandbox_refusal sandbox_world_create_intent(struct sandbox_world *world,
                                                   const struct sandbox_form *form, int64_t now_s,
                                                   struct sandbox_intent **ret_intent)
{
    struct sandbox_intent made = {.state = SANDBOX_INTENT_REQUIRES_PAYMENT_METHOD,
                                  .created_s = now_s};
    struct str currency;
    struct sandbox_refusal refusal = check_names(form, intent_params);
    if (!refusal.error) {
        refusal = read_amount(form, INTENT_MIN_MINOR, &made.amount_minor);
    }
    if (!refusal.error) {
        refusal = read_currency(form, &currency);
    }
    if (!refusal.error) {
        refusal = keep_metadata(world, form, &made.metadata);
    }
    if (refusal.error) {
        return refusal;
    }
    struct arena *arena = &world->arena;
    uint32_t index = world->intents.count;
    made.id = sandbox_world_new_id(arena, "pi_", index);
    made.charge_id = sandbox_world_new_id(arena, "ch_", index);
    struct str secret = sandbox_world_new_id(arena, "_secret_", index);
    if (!made.id.ptr || !made.charge_id.ptr || !secret.ptr) {
        return refuse(SANDBOX_ERROR_FULL, STR(""));
    }
    struct strbuf buf;
    strbuf_init(&buf, arena, (size_t)2 * ID_MAX_BYTES);
    strbuf_add(&buf, made.id);
    strbuf_add(&buf, secret);
    made.received_currency = STR("");
    made.decline_code = STR("");
    bool kept = strbuf_finish(&buf, &made.client_secret) && keep(arena, currency, &made.currency) &&
                keep(arena, sandbox_form_get(form, STR("description")), &made.description) &&
                keep(arena, sandbox_form_get(form, STR("transfer_group")), &made.transfer_group);
    struct sandbox_intent *intent =
        kept ? sandbox_shelf_add(&world->intents, arena, sizeof(*intent)) : NULL;
    if (!intent) {
        return refuse(SANDBOX_ERROR_FULL, STR(""));
    }
    *intent = made;
    *ret_intent = intent;
    return allowed;
}

struct sandbox_refusal sandbox_world_cancel_intent(struct sandbox_intent *intent,
                                                   const struct sandbox_form *form)
{
    static const char *const params[] = {"cancellation_reason", NULL};
    struct sandbox_refusal refusal = check_names(form, params);
    if (refusal.error) {
        return refusal;
    }
    if (intent->state != SANDBOX_INTENT_REQUIRES_PAYMENT_METHOD) {
        return refuse_state(intent);
    }
    intent->state = SANDBOX_INTENT_CANCELED;
    return allowed;
}

struct sandbox_refusal sandbox_world_pay(struct sandbox_world *world, struct sandbox_intent *intent,
                                         int64_t amount_minor, struct str currency)
{
    if (intent->state != SANDBOX_INTENT_REQUIRES_PAYMENT_METHOD) {
        return refuse_state(intent);
    }
    if (amount_minor < 1 || amount_minor > AMOUNT_MAX_MINOR) {
        return refuse(SANDBOX_ERROR_PARAMETER_INVALID, STR("amount"));
    }
    if (!is_currency(currency)) {
        return refuse(SANDBOX_ERROR_PARAMETER_INVALID, STR("currency"));
    }
    if (!keep(&world->arena, currency, &intent->received_currency)) {
        return refuse(SANDBOX_ERROR_FULL, STR(""));
    }
    intent->state = SANDBOX_INTENT_SUCCEEDED;
    intent->received_minor = amount_minor;
    intent->decline_code = STR("");
    return allowed;
}

struct sandbox_refusal sandbox_world_decline(struct sandbox_world *world,
                                             struct sandbox_intent *intent, struct str code)
{
    if (intent->state != SANDBOX_INTENT_REQUIRES_PAYMENT_METHOD) {
        return refuse_state(intent);
    }
    return keep(&world->arena, code, &intent->decline_code) ? allowed
                                                            : refuse(SANDBOX_ERROR_FULL, STR(""));
}

/* ---- Transfers ---- */

static const char *const transfer_params[] = {
    "amount",         "currency",    "destination", "source_transaction",
    "transfer_group", "description", NULL};

/* What one payment can still give away. */
static int64_t left_of(const struct sandbox_intent *intent)
{
    return intent->received_minor - intent->transferred_minor - intent->refunded_minor;
}

/* What all payments of one currency together can still give away. */
static int64_t balance_of(const struct sandbox_world *world, struct str currency)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < world->intents.count; i++) {
        const struct sandbox_intent *intent = sandbox_shelf_at(&world->intents, sizeof(*intent), i);
        if (str_eq(intent->received_currency, currency) &&
            !money_try_add(sum, left_of(intent), &sum)) {
            UNREACHABLE("SANDBOX_OBJECTS_MAX payments of AMOUNT_MAX_MINOR fit");
        }
    }
    for (uint32_t i = 0; i < world->transfers.count; i++) {
        const struct sandbox_transfer *transfer =
            sandbox_shelf_at(&world->transfers, sizeof(*transfer), i);
        if (transfer->source_transaction.len == 0 && str_eq(transfer->currency, currency)) {
            sum -= transfer->amount_minor;
        }
    }
    return sum;
}

static struct sandbox_refusal check_source(const struct sandbox_world *world,
                                           const struct sandbox_transfer *asked,
                                           struct sandbox_intent **ret_source)
{
    *ret_source = NULL;
    if (asked->source_transaction.len == 0) {
        return asked->amount_minor <= balance_of(world, asked->currency)
                   ? allowed
                   : refuse(SANDBOX_ERROR_BALANCE_INSUFFICIENT, STR("amount"));
    }
    struct sandbox_intent *source =
        sandbox_world_intent_of_charge(world, asked->source_transaction);
    if (!source) {
        return refuse(SANDBOX_ERROR_NO_SUCH_PARAM, STR("source_transaction"));
    }
    if (!str_eq(source->received_currency, asked->currency)) {
        return refuse(SANDBOX_ERROR_CURRENCY_MISMATCH, STR("currency"));
    }
    if (asked->amount_minor > left_of(source)) {
        return refuse(SANDBOX_ERROR_BALANCE_INSUFFICIENT, STR("amount"));
    }
    *ret_source = source;
    return allowed;
}

static struct sandbox_refusal check_destination(struct str destination)
{
    if (!destination.ptr) {
        return refuse(SANDBOX_ERROR_PARAMETER_MISSING, STR("destination"));
    }
    if (!str_has_prefix(destination, STR("acct_")) || destination.len > ID_MAX_BYTES) {
        return refuse(SANDBOX_ERROR_NO_SUCH_PARAM, STR("destination"));
    }
    /* The magic accounts: whatever begins with acct_fail can never be paid. */
    return str_has_prefix(destination, STR("acct_fail"))
               ? refuse(SANDBOX_ERROR_ACCOUNT_INVALID, STR("destination"))
               : allowed;
}

static struct sandbox_refusal read_transfer(const struct sandbox_form *form,
                                            struct sandbox_transfer *asked)
{
    struct sandbox_refusal refusal = check_names(form, transfer_params);
    if (!refusal.error) {
        refusal = read_amount(form, 1, &asked->amount_minor);
    }
    if (!refusal.error) {
        refusal = read_currency(form, &asked->currency);
    }
    if (!refusal.error) {
        refusal = check_destination(sandbox_form_get(form, STR("destination")));
    }
    asked->destination = sandbox_form_get(form, STR("destination"));
    asked->source_transaction = sandbox_form_get(form, STR("source_transaction"));
    asked->transfer_group = sandbox_form_get(form, STR("transfer_group"));
    asked->description = sandbox_form_get(form, STR("description"));
    return refusal;
}

static bool keep_transfer(struct arena *arena, struct sandbox_transfer *transfer)
{
    return keep(arena, transfer->currency, &transfer->currency) &&
           keep(arena, transfer->destination, &transfer->destination) &&
           keep(arena, transfer->source_transaction, &transfer->source_transaction) &&
           keep(arena, transfer->transfer_group, &transfer->transfer_group) &&
           keep(arena, transfer->description, &transfer->description);
}

struct sandbox_refusal sandbox_world_create_transfer(struct sandbox_world *world,
                                                     const struct sandbox_form *form, int64_t now_s,
                                                     struct sandbox_transfer **ret_transfer)
{
    struct sandbox_transfer made = {.created_s = now_s};
    struct sandbox_intent *source = NULL;
    struct sandbox_refusal refusal = read_transfer(form, &made);
    if (!refusal.error) {
        refusal = check_source(world, &made, &source);
    }
    if (!refusal.error) {
        refusal = keep_metadata(world, form, &made.metadata);
    }
    if (refusal.error) {
        return refusal;
    }
    made.id = sandbox_world_new_id(&world->arena, "tr_", world->transfers.count);
    bool kept = made.id.ptr && keep_transfer(&world->arena, &made);
    struct sandbox_transfer *transfer =
        kept ? sandbox_shelf_add(&world->transfers, &world->arena, sizeof(*transfer)) : NULL;
    if (!transfer) {
        return refuse(SANDBOX_ERROR_FULL, STR(""));
    }
    if (source) {
        source->transferred_minor += made.amount_minor;
    }
    *transfer = made;
    *ret_transfer = transfer;
    return allowed;
}

/* ---- Refunds ---- */

static const char *const refund_params[] = {"amount", "payment_intent", "charge", "reason", NULL};

static struct sandbox_refusal read_refund(const struct sandbox_world *world,
                                          const struct sandbox_form *form, int64_t *ret_minor,
                                          struct sandbox_intent **ret_intent)
{
    struct sandbox_refusal refusal = check_names(form, refund_params);
    if (refusal.error) {
        return refusal;
    }
    struct str intent_id = sandbox_form_get(form, STR("payment_intent"));
    struct str charge_id = sandbox_form_get(form, STR("charge"));
    if (!intent_id.ptr == !charge_id.ptr) {
        return refuse(SANDBOX_ERROR_PARAMETER_MISSING, STR("payment_intent"));
    }
    struct sandbox_intent *intent = intent_id.ptr
                                        ? sandbox_world_intent(world, intent_id)
                                        : sandbox_world_intent_of_charge(world, charge_id);
    if (!intent) {
        return refuse(SANDBOX_ERROR_NO_SUCH_PARAM,
                      intent_id.ptr ? STR("payment_intent") : STR("charge"));
    }
    if (intent->state != SANDBOX_INTENT_SUCCEEDED) {
        return refuse(SANDBOX_ERROR_NOT_PAID, STR("payment_intent"));
    }
    int64_t left_minor = intent->received_minor - intent->refunded_minor;
    *ret_minor = left_minor;
    if (sandbox_form_get(form, STR("amount")).ptr) {
        refusal = read_amount(form, 1, ret_minor);
    }
    if (!refusal.error && (*ret_minor > left_minor || left_minor == 0)) {
        refusal = refuse(SANDBOX_ERROR_OVER_REFUND, STR("amount"));
    }
    /* The real provider would take it from the platform's next income; here nothing goes below zero. */
    if (!refusal.error && *ret_minor > left_of(intent)) {
        refusal = refuse(SANDBOX_ERROR_BALANCE_INSUFFICIENT, STR("amount"));
    }
    *ret_intent = intent;
    return refusal;
}

struct sandbox_refusal sandbox_world_create_refund(struct sandbox_world *world,
                                                   const struct sandbox_form *form, int64_t now_s,
                                                   struct sandbox_refund **ret_refund)
{
    struct sandbox_refund made = {.created_s = now_s};
    struct sandbox_intent *intent = NULL;
    struct sandbox_refusal refusal = read_refund(world, form, &made.amount_minor, &intent);
    if (!refusal.error) {
        refusal = keep_metadata(world, form, &made.metadata);
    }
    if (refusal.error) {
        return refusal;
    }
    made.id = sandbox_world_new_id(&world->arena, "re_", world->refunds.count);
    made.currency = intent->received_currency;
    made.charge_id = intent->charge_id;
    made.intent_id = intent->id;
    bool kept =
        made.id.ptr && keep(&world->arena, sandbox_form_get(form, STR("reason")), &made.reason);
    struct sandbox_refund *refund =
        kept ? sandbox_shelf_add(&world->refunds, &world->arena, sizeof(*refund)) : NULL;
    if (!refund) {
        return refuse(SANDBOX_ERROR_FULL, STR(""));
    }
    intent->refunded_minor += made.amount_minor;
    *refund = made;
    *ret_refund = refund;
    return allowed;
}

struct sandbox_refusal sandbox_world_fail_refund(struct sandbox_world *world,
                                                 struct sandbox_refund *refund, struct str reason)
{
    if (refund->failure_reason.len > 0) {
        return refuse(SANDBOX_ERROR_NO_SUCH_PARAM, STR("refund"));
    }
    if (!keep(&world->arena, reason, &refund->failure_reason)) {
        return refuse(SANDBOX_ERROR_FULL, STR(""));
    }
    sandbox_world_intent(world, refund->intent_id)->refunded_minor -= refund->amount_minor;
    return allowed;
}

struct sandbox_event *sandbox_world_new_event(struct sandbox_world *world, struct str type,
                                              int64_t now_s)
{
    struct str id = sandbox_world_new_id(&world->arena, "evt_", world->events.count);
    struct sandbox_event *event =
        id.ptr ? sandbox_shelf_add(&world->events, &world->arena, sizeof(*event)) : NULL;
    if (event) {
        *event = (struct sandbox_event){.id = id, .type = type, .created_s = now_s};
    }
    return event;
}
