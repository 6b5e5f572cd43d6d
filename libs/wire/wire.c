/*
 * In: packed records. Out: protobuf-c messages whose memory is an arena's and bounded; and back.
 * Nothing here is ever freed alone.
 */
#include "wire/wire.h"

#include <string.h>

#include "base/assert.h"
#include "wire/wire_scan.h"

/* Their generated enums and ours are the same numbers; the contract tests compare the names. */
_Static_assert((int)CURRENCY_USD == (int)HOLDFAST__COMMON__V1__CURRENCY__CURRENCY_USD, "currency");
_Static_assert(WIRE_BUDGET_BYTES >= 16 * WIRE_INPUT_MAX_BYTES, "a large text must fit its budget");

/* What an arena rounds a small object up to: many tiny ones are charged as what they cost. */
#define WIRE_ALLOC_ALIGN ((size_t)16)

struct wire_budget {
    struct arena *arena;
    size_t left_bytes;
    bool refused; /* protobuf-c does not say why it failed */
};

static void *budget_alloc(void *data, size_t size)
{
    struct wire_budget *budget = data;
    size_t cost = size + (WIRE_ALLOC_ALIGN - size % WIRE_ALLOC_ALIGN) % WIRE_ALLOC_ALIGN;
    void *memory = cost <= budget->left_bytes ? arena_alloc(budget->arena, 1, size) : NULL;
    if (!memory) {
        budget->refused = true;
        return NULL;
    }
    budget->left_bytes -= cost;
    return memory;
}

static void budget_free(void *data, void *pointer)
{
    (void)data; /* the arena frees */
    (void)pointer;
}

STATUS wire_unpack(struct op *op, const ProtobufCMessageDescriptor *descriptor, struct str bytes,
                   size_t budget_bytes, ProtobufCMessage **ret_message)
{
    if (bytes.len == 0) {
        return op_fail(op, STATUS_INVALID, "wire.empty", "%s without bytes",
                       descriptor->short_name);
    }
    if (bytes.len > WIRE_INPUT_MAX_BYTES) {
        return op_fail(op, STATUS_LIMIT, "wire.input_too_large", "%zu bytes of at most %zu",
                       bytes.len, (size_t)WIRE_INPUT_MAX_BYTES);
    }
    TRY(wire_scan(op, descriptor, bytes));
    struct wire_budget budget = {.arena = op->arena, .left_bytes = budget_bytes};
    ProtobufCAllocator allocator = {
        .alloc = budget_alloc, .free = budget_free, .allocator_data = &budget};
    ProtobufCMessage *message =
        protobuf_c_message_unpack(descriptor, &allocator, bytes.len, (const uint8_t *)bytes.ptr);
    if (!message && budget.refused) {
        return op_fail(op, STATUS_LIMIT, "wire.over_budget", "%s of %zu bytes needs over %zu bytes",
                       descriptor->short_name, bytes.len, budget_bytes);
    }
    if (!message) {
        return op_fail(op, STATUS_INVALID, "wire.malformed", "%s of %zu bytes",
                       descriptor->short_name, bytes.len);
    }
    *ret_message = message;
    return OK;
}

STATUS wire_pack(struct op *op, const ProtobufCMessage *message, struct str *ret_bytes)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    if (len > BUS_VALUE_MAX_BYTES) {
        return op_fail(op, STATUS_LIMIT, "wire.output_too_large", "%s of %zu bytes",
                       message->descriptor->short_name, len);
    }
    uint8_t *bytes = arena_new(op->arena, uint8_t, len);
    if (!bytes) {
        return op_arena_full(op);
    }
    size_t packed = protobuf_c_message_pack(message, bytes);
    ASSERT(packed == len);
    *ret_bytes = (struct str){.ptr = (const char *)bytes, .len = len};
    return OK;
}

struct str wire_type(const ProtobufCMessage *body)
{
    return str_of(body->descriptor->name);
}

STATUS wire_id_or_none(struct op *op, const char *field, ProtobufCBinaryData bytes,
                       struct id *ret_id)
{
    struct id id = {0};
    if (bytes.len != 0 && bytes.len != sizeof(id.bytes)) {
        return op_fail(op, STATUS_INVALID, "wire.bad_id", "%s has %zu bytes", field, bytes.len);
    }
    if (bytes.len != 0) {
        memcpy(id.bytes, bytes.data, sizeof(id.bytes));
    }
    *ret_id = id;
    return OK;
}

STATUS wire_id(struct op *op, const char *field, ProtobufCBinaryData bytes, struct id *ret_id)
{
    struct id id;
    TRY(wire_id_or_none(op, field, bytes, &id));
    if (id_is_none(id)) {
        return op_fail(op, STATUS_INVALID, "wire.bad_id", "%s is missing", field);
    }
    *ret_id = id;
    return OK;
}

STATUS wire_text(struct op *op, const char *field, const char *text, size_t min_bytes,
                 size_t max_bytes, struct str *ret_text)
{
    struct str value = str_of(text);
    if (value.len < min_bytes || value.len > max_bytes) {
        return op_fail(op, STATUS_INVALID, "wire.bad_length", "%s has %zu bytes, not %zu to %zu",
                       field, value.len, min_bytes, max_bytes);
    }
    *ret_text = value;
    return OK;
}

struct str wire_bytes(ProtobufCBinaryData bytes)
{
    return (struct str){.ptr = (const char *)bytes.data, .len = bytes.len};
}

ProtobufCBinaryData wire_borrow(const void *bytes, size_t len)
{
    union {
        const void *from;
        uint8_t *to;
    } data = {.from = bytes};

    return (ProtobufCBinaryData){.data = data.to, .len = len};
}

STATUS wire_money(struct op *op, const char *field, const Holdfast__Common__V1__Money *money,
                  enum currency *ret_currency, int64_t *ret_amount_minor)
{
    if (!money || money->amount_minor <= 0) {
        return op_fail(op, STATUS_INVALID, "wire.bad_money", "%s is not above zero", field);
    }
    if (money->currency != HOLDFAST__COMMON__V1__CURRENCY__CURRENCY_USD) {
        return op_fail(op, STATUS_INVALID, "wire.bad_money", "%s is in currency %d", field,
                       (int)money->currency);
    }
    *ret_currency = CURRENCY_USD;
    *ret_amount_minor = money->amount_minor;
    return OK;
}

struct fee_terms wire_fees(const Holdfast__Common__V1__FeeTerms *fees)
{
    if (!fees) {
        return (struct fee_terms){.buyer_refundable = false};
    }
    return (struct fee_terms){
        .buyer = {.basis_points = fees->buyer_basis_points, .fixed_minor = fees->buyer_fixed_minor},
        .seller = {.basis_points = fees->seller_basis_points,
                   .fixed_minor = fees->seller_fixed_minor},
        .buyer_refundable = fees->buyer_refundable,
    };
}

STATUS wire_check_key(struct op *op, const struct bus_record *record, struct id key)
{
    char text[ID_TEXT_BYTES];
    id_format(key, text);
    if (!str_eq(record->key, (struct str){.ptr = text, .len = ID_TEXT_BYTES - 1})) {
        return op_fail(op, STATUS_INVALID, "wire.wrong_key", "the record's key is not %s", text);
    }
    return OK;
}

STATUS wire_fill_id(struct op *op, struct id id, ProtobufCBinaryData *ret_bytes)
{
    if (id_is_none(id)) {
        *ret_bytes = (ProtobufCBinaryData){.len = 0};
        return OK;
    }
    uint8_t *bytes = arena_new(op->arena, uint8_t, sizeof(id.bytes));
    if (!bytes) {
        return op_arena_full(op);
    }
    memcpy(bytes, id.bytes, sizeof(id.bytes));
    *ret_bytes = (ProtobufCBinaryData){.len = sizeof(id.bytes), .data = bytes};
    return OK;
}

STATUS wire_fill_text(struct op *op, struct str text, char **ret_text)
{
    ASSERT(str_is_text(text));
    char *copy = arena_new(op->arena, char, text.len + 1);
    if (!copy) {
        return op_arena_full(op);
    }
    if (text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    *ret_text = copy;
    return OK;
}

STATUS wire_fill_money(struct op *op, enum currency currency, int64_t amount_minor,
                       Holdfast__Common__V1__Money **ret_money)
{
    ASSERT(currency == CURRENCY_USD);
    ASSERT(amount_minor > 0);
    Holdfast__Common__V1__Money *money = arena_new(op->arena, Holdfast__Common__V1__Money, 1);
    if (!money) {
        return op_arena_full(op);
    }
    holdfast__common__v1__money__init(money);
    money->amount_minor = amount_minor;
    money->currency = HOLDFAST__COMMON__V1__CURRENCY__CURRENCY_USD;
    *ret_money = money;
    return OK;
}

STATUS wire_fill_fees(struct op *op, const struct fee_terms *terms,
                      Holdfast__Common__V1__FeeTerms **ret_fees)
{
    Holdfast__Common__V1__FeeTerms *fees = arena_new(op->arena, Holdfast__Common__V1__FeeTerms, 1);
    if (!fees) {
        return op_arena_full(op);
    }
    holdfast__common__v1__fee_terms__init(fees);
    fees->buyer_basis_points = terms->buyer.basis_points;
    fees->buyer_fixed_minor = terms->buyer.fixed_minor;
    fees->seller_basis_points = terms->seller.basis_points;
    fees->seller_fixed_minor = terms->seller.fixed_minor;
    fees->buyer_refundable = terms->buyer_refundable;
    *ret_fees = fees;
    return OK;
}
