/*
 * A dossier proves what it holds, and 10,000 random tamperings are all found: bytes flipped, put in, dropped, cut off; lines
 * dropped, doubled, exchanged; single values of rows changed and everything written anew as it should be. SEED=7 for
 * others, TAMPERINGS=100000 for more.
 */
#include "holdfastctl/ctl_dossier.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/defer.h"
#include "base/random.h"
#include "escrow/escrow_chain.h"
#include "escrow/escrow_repo.h"
#include "testing/testing_env.h"

#define TRANSITIONS 7
#define TRANSFERS 5
#define SEALS 3
#define LEAVES 5 /* of each seal; ours is one of them */
#define ARENA_BYTES ((size_t)8 * 1024 * 1024)

struct world {
    struct ctl_dossier dossier;
    struct escrow_transition transitions[TRANSITIONS + 1];
    struct escrow_transfer transfers[TRANSFERS + 1];
    struct escrow_suspense suspense[2];
    struct ctl_dossier_seal seals[SEALS + 1];
    struct signature signatures[SEALS];
    struct sign_secret secret;
    struct ctl_keys keys;
};

static struct world original;
static struct world world; /* a copy to be changed */

static struct id id_of(uint8_t number)
{
    struct id id = {.bytes = {0}};
    id.bytes[0] = 1;
    id.bytes[15] = number;
    return id;
}

/* ---- A deal that was paid, once too often, and delivered ---- */

struct step {
    enum escrow_event event;
    enum escrow_state to;
    uint32_t transfers; /* of the list below, one after the other */
};

static const struct step steps[TRANSITIONS] = {
    {ESCROW_EVENT_CREATED, ESCROW_CREATED, 0},
    {ESCROW_EVENT_AWAIT_FUNDS, ESCROW_AWAIT_FUNDS, 0},
    {ESCROW_EVENT_FUNDS_SUSPENDED, ESCROW_AWAIT_FUNDS, 2},
    {ESCROW_EVENT_FUNDS_RECEIVED, ESCROW_AWAIT_FUNDS, 1},
    {ESCROW_EVENT_FUNDS_HELD, ESCROW_FUNDS_HELD, 1},
    {ESCROW_EVENT_SUSPENSE_REFUNDED, ESCROW_FUNDS_HELD, 1},
    {ESCROW_EVENT_DELIVERED, ESCROW_DELIVERED, 0},
};

static struct {
    enum escrow_account debit;
    enum escrow_account credit;
    int64_t amount_minor;
    uint8_t leg;
} moves[TRANSFERS] = {
    {ESCROW_ACCOUNT_PSP_CLEAR, ESCROW_ACCOUNT_SUSPENSE, 300, 7},
    {ESCROW_ACCOUNT_SUSPENSE, ESCROW_ACCOUNT_DUE_BUYER, 300, 0},
    {ESCROW_ACCOUNT_PSP_CLEAR, ESCROW_ACCOUNT_ESCROW_IN, 5000, 9},
    {ESCROW_ACCOUNT_ESCROW_IN, ESCROW_ACCOUNT_ESCROW_HELD, 5000, 0},
    {ESCROW_ACCOUNT_DUE_BUYER, ESCROW_ACCOUNT_PSP_CLEAR, 300, 8},
};

static const struct fee_terms usual_fees = {.buyer = {250, 30}, .seller = {500, 0}};
static struct fee_terms fees = {.buyer = {250, 30}, .seller = {500, 0}};

static void build_terms(struct escrow *escrow)
{
    *escrow = (struct escrow){.id = id_of(1),
                              .currency = CURRENCY_USD,
                              .price_minor = 5000,
                              .fees = fees,
                              .marketplace_id = id_of(2),
                              .buyer_id = id_of(3),
                              .seller_id = id_of(4),
                              .seller_account = STR("acct_1"),
                              .funding_seconds = 7200,
                              .delivery_seconds = 3600,
                              .inspection_seconds = 86400,
                              .description = STR("a \"sword\"\n of st\xc3\xa9"
                                                 "el"),
                              .created_at_us = 1000};
}

static void build_history(struct world *here)
{
    struct ctl_dossier *dossier = &here->dossier;
    struct hash prev = escrow_chain_root(&dossier->escrow);
    enum escrow_state from = ESCROW_NONE;
    for (uint32_t i = 0; i < TRANSITIONS; i++) {
        struct escrow_transfer *first = &here->transfers[dossier->transfer_count];
        for (uint32_t t = 0; t < steps[i].transfers; t++) {
            uint32_t at = dossier->transfer_count++;
            first[t] = (struct escrow_transfer){
                .escrow_id = dossier->escrow.id,
                .seq = i + 1,
                .ordinal = (int)t,
                .debit = moves[at].debit,
                .credit = moves[at].credit,
                .currency = STR("USD"),
                .amount_minor = moves[at].amount_minor,
                .leg_id = moves[at].leg > 0 ? id_of(moves[at].leg) : (struct id){.bytes = {0}}};
        }
        struct escrow_transition *row = &here->transitions[i];
        *row = (struct escrow_transition){.id = id_of((uint8_t)(20 + i)),
                                          .escrow_id = dossier->escrow.id,
                                          .seq = i + 1,
                                          .event = steps[i].event,
                                          .from_state = from,
                                          .to_state = steps[i].to,
                                          .cause_id = id_of((uint8_t)(40 + i)),
                                          .actor_kind = 4,
                                          .transfer_count = (int)steps[i].transfers,
                                          .at_us = 1000 + i,
                                          .prev_hash = prev};
        row->hash = escrow_chain_hash(row, first);
        prev = row->hash;
        from = row->to_state;
    }
    dossier->transition_count = TRANSITIONS;
    here->suspense[0] = (struct escrow_suspense){.leg_id = id_of(7),
                                                 .escrow_id = dossier->escrow.id,
                                                 .currency = STR("USD"),
                                                 .amount_minor = 300,
                                                 .created_at_us = 1002};
    dossier->suspense_count = 1;
}

/* Seal number `at`, over this seq and some leaves of others. */
static void build_seal(struct world *here, uint32_t at, int64_t seq)
{
    struct ctl_dossier_seal *row = &here->seals[at];
    struct hash leaves[LEAVES] = {{{0}}};
    row->leaf = (struct escrow_seal_leaf){.escrow_id = here->dossier.escrow.id,
                                          .seal_n = 3 + 4 * at,
                                          .leaf_index = 1 + at,
                                          .seq = seq,
                                          .head = here->transitions[seq - 1].hash,
                                          .prev_seal_n = at > 0 ? 3 + 4 * (at - 1) : 0};
    for (uint32_t i = 0; i < LEAVES; i++) {
        leaves[i].bytes[0] = (uint8_t)(i + 10 * at);
    }
    leaves[row->leaf.leaf_index] = escrow_seal_leaf_hash(&row->leaf);
    struct escrow_seal *seal = &row->seal;
    *seal = (struct escrow_seal){.n = row->leaf.seal_n, .at_us = 5000 + at, .leaf_count = LEAVES};
    seal->prev.bytes[0] = (uint8_t)at;
    seal->root = escrow_seal_root(leaves, LEAVES);
    seal->key_id = here->keys.ids[0];
    char memory[ESCROW_SEAL_TEXT_BYTES];
    here->signatures[at] = sign_text(&here->secret, escrow_seal_text(seal, memory));
    seal->signature =
        (struct str){.ptr = (const char *)here->signatures[at].bytes, .len = SIGN_BYTES};
    seal->hash = escrow_seal_hash(seal);
    row->path_count = escrow_seal_path(leaves, LEAVES, (uint32_t)row->leaf.leaf_index, row->path);
}

static void point_at_rows(struct world *here)
{
    here->dossier.transitions = here->transitions;
    here->dossier.transfers = here->transfers;
    here->dossier.suspense = here->suspense;
    here->dossier.seals = here->seals;
}

static void build(struct world *here)
{
    memset(here, 0, sizeof(*here));
    assert_true(
        sign_secret_read(STR("-----BEGIN PRIVATE KEY-----\n"
                             "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
                             "-----END PRIVATE KEY-----\n"),
                         &here->secret));
    here->keys.keys[0] = sign_public_of(&here->secret);
    here->keys.ids[0] = sign_key_id(&here->keys.keys[0]);
    here->keys.count = 1;
    build_terms(&here->dossier.escrow);
    build_history(here);
    build_seal(here, 0, 2);
    build_seal(here, 1, 5);
    build_seal(here, 2, TRANSITIONS);
    here->dossier.seal_count = SEALS;
    point_at_rows(here);
    ctl_dossier_derive(&here->dossier);
}

/* ---- Asking ---- */

static struct arena arena;
static struct ctl_verification verification;

/* The first finding; "" when there is none. */
static const char *found(struct str text)
{
    struct op op = {.arena = &arena};
    struct ctl_dossier dossier = {.transition_count = 0};
    memset(&verification, 0, sizeof(verification));
    struct status st = ctl_dossier_verify(&op, text, &original.keys, &verification, &dossier);
    if (status_failed(st)) {
        fail_msg("%s: %s", op.err.code, op.err.msg);
    }
    return verification.findings_total > 0 ? verification.findings[0].what : "";
}

static struct str written(const struct ctl_dossier *dossier)
{
    struct op op = {.arena = &arena};
    struct str text = STR("");
    struct status st = ctl_dossier_write(&op, dossier, &text);
    return status_failed(st) ? STR("") : text; /* what cannot be counted cannot be written */
}

static struct str joined(struct str a, struct str b, struct str c)
{
    struct strbuf buf;
    struct str text;
    strbuf_init(&buf, &arena, CTL_DOSSIER_MAX_BYTES);
    strbuf_add(&buf, a);
    strbuf_add(&buf, b);
    strbuf_add(&buf, c);
    assert_true(strbuf_finish(&buf, &text));
    return text;
}

static struct str head_of(struct str text, size_t len)
{
    return (struct str){.ptr = text.ptr, .len = len};
}

static void what_is_right_has_no_finding(void **state)
{
    (void)state;
    arena_reset(&arena);
    struct str text = written(&original.dossier);
    assert_string_equal(found(text), "");
    assert_int_equal(verification.transitions, TRANSITIONS);
    assert_int_equal(verification.seals, SEALS);
    assert_true(str_has_prefix(text, STR("{\"kind\":\"dossier\",\"format\":\"" CTL_DOSSIER_FORMAT
                                         "\"}\n{\"kind\":\"terms\"")));
}

/* Each check by the finding that it alone makes. */
static void each_check_has_its_finding(void **state)
{
    (void)state;
    world = original;
    arena_reset(&arena);
    point_at_rows(&world);
    world.dossier.transition_count--;
    ctl_dossier_derive(&world.dossier);
    assert_string_equal(found(written(&world.dossier)), "seal_path");
    world.dossier.seal_count--; /* the rest is whole, and sealed up to seq 5 alone */
    assert_string_equal(found(written(&world.dossier)), "unsealed");
    world = original;
    point_at_rows(&world);
    world.seals[1] = world.seals[2];
    world.dossier.seal_count--;
    assert_string_equal(found(written(&world.dossier)), "seal_missing");
    world = original;
    point_at_rows(&world);
    world.dossier.suspense_count--;
    assert_string_equal(found(written(&world.dossier)), "suspense");
    world = original;
    point_at_rows(&world);
    world.seals[0].path[0].bytes[9] ^= 1;
    assert_string_equal(found(written(&world.dossier)), "seal_path");
    world = original;
    point_at_rows(&world);
    world.seals[0].seal.at_us++;
    world.seals[0].seal.hash = escrow_seal_hash(&world.seals[0].seal);
    assert_string_equal(found(written(&world.dossier)), "seal_signature");
    world = original;
    point_at_rows(&world);
    world.seals[0].seal.hash.bytes[0] ^= 1;
    assert_string_equal(found(written(&world.dossier)), "seal_hash");
    struct ctl_keys none = {.count = 0};
    struct ctl_keys kept = original.keys;
    original.keys = none;
    assert_string_equal(found(written(&original.dossier)), "seal_key");
    original.keys = kept;
}

/* Without fees no hash is over whether they are given back, nor over what they come to. */
static void what_follows_from_terms_cannot_be_changed(void **state)
{
    (void)state;
    const char *const changes[][2] = {
        {"\"buyer_fee_refundable\":true", "\"buyer_fee_refundable\":false"},
        {"\"buyer_fee_minor\":0", "\"buyer_fee_minor\":1"},
        {"\"seller_fee_minor\":0", "\"seller_fee_minor\":1"},
    };
    arena_reset(&arena);
    fees = (struct fee_terms){.buyer = {0, 0}};
    build(&world);
    fees = usual_fees;
    struct str text = written(&world.dossier);
    assert_string_equal(found(text), "");
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        struct str from = str_of(changes[i][0]);
        const char *at = memmem(text.ptr, text.len, from.ptr, from.len);
        assert_non_null(at);
        size_t before = (size_t)(at - text.ptr);
        assert_string_equal(found(joined(head_of(text, before), str_of(changes[i][1]),
                                         str_after(text, before + from.len))),
                            "form");
    }
}

static void transfers_are_counted_in_order(void **state)
{
    (void)state;
    arena_reset(&arena);
    world = original;
    point_at_rows(&world);
    world.transfers[3] = original.transfers[4];
    world.transfers[4] = original.transfers[3];
    assert_string_equal(found(written(&world.dossier)), "transfer_order");
    world = original;
    point_at_rows(&world);
    world.transfers[TRANSFERS] = original.transfers[2]; /* of a transition that is not there */
    world.transfers[TRANSFERS].seq = TRANSITIONS + 1;
    world.dossier.transfer_count++;
    assert_string_equal(found(written(&world.dossier)), "transfer_count");
    moves[4].amount_minor++; /* signed and sealed, but more than was owed */
    build(&world);
    moves[4].amount_minor--;
    assert_string_equal(found(written(&world.dossier)), "liability");
}

/* Somebody without the key who rewrites the history and its chain. */
static void a_history_made_anew_does_not_fit_its_seals(void **state)
{
    (void)state;
    world = original;
    arena_reset(&arena);
    point_at_rows(&world);
    world.dossier.transfer_count = 0;
    world.dossier.escrow.price_minor = 1;
    build_history(&world);
    ctl_dossier_derive(&world.dossier);
    assert_string_equal(found(written(&world.dossier)), "seal_path");
}

/* ---- Tampering ---- */

static struct random source;

static uint64_t draw(uint64_t below)
{
    return random_below(&source, below);
}

enum tampering {
    FLIP_BIT = 0,
    REPLACE_BYTE,
    DROP_BYTES,
    INSERT_BYTES,
    TRUNCATE,
    DROP_LINE,
    DOUBLE_LINE,
    SWAP_LINES,
    CHANGE_VALUE,
    DROP_ROW,
    DOUBLE_ROW,
    SWAP_ROWS,
    TAMPERING_COUNT,
};

static struct str tamper_bytes(struct str text, enum tampering how)
{
    size_t at = draw(text.len);
    struct str before = head_of(text, at);
    struct str after = str_after(text, at + 1);
    char bytes[8];
    size_t len = 1 + draw(sizeof(bytes));
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char)draw(256);
    }
    if (how == FLIP_BIT) {
        bytes[0] = (char)(text.ptr[at] ^ (1 << draw(8)));
    }
    if (how == TRUNCATE) {
        return before;
    }
    if (how == DROP_BYTES) {
        size_t dropped = draw(20);
        return joined(before, STR(""), str_after(after, dropped < after.len ? dropped : after.len));
    }
    if (how == INSERT_BYTES) {
        return joined(before, (struct str){.ptr = bytes, .len = len}, str_after(text, at));
    }
    return joined(before, (struct str){.ptr = bytes, .len = 1}, after);
}

/* The n-th line with its end, counted from zero; how many there are. */
static uint32_t lines_of(struct str text, uint32_t n, struct str *ret_line)
{
    uint32_t count = 0;
    size_t from = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\n') {
            if (count == n) {
                *ret_line = (struct str){.ptr = text.ptr + from, .len = i + 1 - from};
            }
            from = i + 1;
            count++;
        }
    }
    return count;
}

static struct str tamper_lines(struct str text, enum tampering how)
{
    struct str line = STR("");
    struct str other = STR("");
    uint32_t count = lines_of(text, UINT32_MAX, &line);
    uint32_t first = (uint32_t)draw(count - 1);
    (void)lines_of(text, first, &line);
    (void)lines_of(text, first + 1 + (uint32_t)draw(count - 1 - first), &other);
    size_t at = (size_t)(line.ptr - text.ptr);
    size_t other_at = (size_t)(other.ptr - text.ptr);
    struct str before = head_of(text, at);
    struct str after = str_after(text, at + line.len);
    if (how == DROP_LINE) {
        return joined(before, STR(""), after);
    }
    if (how == DOUBLE_LINE) {
        return joined(before, line, str_after(text, at));
    }
    struct str between = head_of(after, other_at - at - line.len);
    return joined(joined(before, other, between), line, str_after(text, other_at + other.len));
}

/* The rows of one kind in a dossier. */
struct rows {
    const struct table *table;
    void *first;
    uint32_t *count;
    size_t row_bytes;
};

static struct rows rows_of(struct ctl_dossier *dossier, uint64_t kind)
{
    static uint32_t one;
    one = 1;
    switch (kind) {
    case 0: return (struct rows){&escrow_table, &dossier->escrow, &one, sizeof(struct escrow)};
    case 1:
        return (struct rows){&escrow_transition_table, dossier->transitions,
                             &dossier->transition_count, sizeof(struct escrow_transition)};
    case 2:
        return (struct rows){&escrow_transfer_table, dossier->transfers, &dossier->transfer_count,
                             sizeof(struct escrow_transfer)};
    case 3:
        return (struct rows){&escrow_suspense_table, dossier->suspense, &dossier->suspense_count,
                             sizeof(struct escrow_suspense)};
    default:
        return (struct rows){&escrow_seal_table, dossier->seals, &dossier->seal_count,
                             sizeof(struct ctl_dossier_seal)};
    }
}

/* Another value that could stand there. */
static void change_field(const struct table_column *column, void *field)
{
    static const char other_bytes[SIGN_BYTES] = {7};
    int64_t more = 1 + (int64_t)draw(3);
    switch (column->type) {
    case COLUMN_UUID: ((struct id *)field)->bytes[draw(16)] ^= (uint8_t)(1 << draw(8)); return;
    case COLUMN_INT8: *(int64_t *)field += draw(2) == 0 ? more : -more; return;
    case COLUMN_INT4: *(int32_t *)field += (int32_t)more; return;
    case COLUMN_ENUM: {
        int *number = field;
        *number = *number > 1 ? *number - 1 : *number + 1; /* within its names */
        *number = strcmp(column->name, "currency") == 0 ? 0 : *number;
        return;
    }
    case COLUMN_BOOL: *(bool *)field = !*(bool *)field; return;
    case COLUMN_TEXT: *(struct str *)field = STR("EUR"); return;
    case COLUMN_BYTEA: *(struct str *)field = (struct str){other_bytes, SIGN_BYTES}; return;
    case COLUMN_HASH:
        ((struct hash *)field)->bytes[draw(HASH_BYTES)] ^= (uint8_t)(1 << draw(8));
        return;
    case COLUMN_NONE:
    case COLUMN_TYPE_COUNT: break;
    }
    UNREACHABLE("column type");
}

static struct str tamper_rows(enum tampering how)
{
    world = original;
    point_at_rows(&world);
    struct rows rows = rows_of(&world.dossier, how == DOUBLE_ROW ? 1 + draw(4) : draw(5));
    uint32_t at = (uint32_t)draw(*rows.count);
    char *row = (char *)rows.first + at * rows.row_bytes;
    if (how == CHANGE_VALUE) {
        const struct table_column *column = &rows.table->columns[draw(rows.table->column_count)];
        change_field(column, row + column->offset);
    } else if (how == SWAP_ROWS) {
        char *other = (char *)rows.first + draw(*rows.count) * rows.row_bytes;
        char *kept = arena_alloc(&arena, rows.row_bytes, 1);
        memcpy(kept, row, rows.row_bytes);
        memcpy(row, other, rows.row_bytes);
        memcpy(other, kept, rows.row_bytes);
    } else if (how == DOUBLE_ROW) {
        memmove(row + rows.row_bytes, row, (*rows.count - at) * rows.row_bytes);
        *rows.count += 1;
    } else {
        *rows.count -= 1;
        memmove(row, row + rows.row_bytes, (*rows.count - at) * rows.row_bytes);
    }
    ctl_dossier_derive(&world.dossier);
    return written(&world.dossier);
}

static struct str tamper(struct str text, enum tampering how)
{
    if (how <= TRUNCATE) {
        return tamper_bytes(text, how);
    }
    return how <= SWAP_LINES ? tamper_lines(text, how) : tamper_rows(how);
}

static void every_tampering_is_found(void **state)
{
    (void)state;
    source = random_seeded(testing_env_seed(1));
    int64_t wanted = testing_env_i64("TAMPERINGS", 10000);
    arena_reset(&arena);
    struct arena kept;
    arena_init(&kept, ARENA_BYTES);
    struct str text = str_dup(&kept, written(&original.dossier));
    int64_t by_kind[TAMPERING_COUNT] = {0};
    for (int64_t done = 0; done < wanted;) {
        arena_reset(&arena);
        enum tampering how = (enum tampering)draw(TAMPERING_COUNT);
        struct str other = tamper(text, how);
        if (str_eq(other, text)) {
            continue; /* a column that no dossier tells, or a row in place of itself */
        }
        if (found(other)[0] == '\0') {
            fail_msg("tampering %" PRId64 " of kind %d was not found:\n" STR_FMT, done, (int)how,
                     STR_ARG(other));
        }
        by_kind[how]++;
        done++;
    }
    for (int how = 0; how < TAMPERING_COUNT; how++) {
        assert_true(by_kind[how] > wanted / (8 * (int64_t)TAMPERING_COUNT));
    }
    arena_fini(&kept);
}

int main(void)
{
    arena_init(&arena, ARENA_BYTES);
    build(&original);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_right_has_no_finding),
        cmocka_unit_test(each_check_has_its_finding),
        cmocka_unit_test(what_follows_from_terms_cannot_be_changed),
        cmocka_unit_test(transfers_are_counted_in_order),
        cmocka_unit_test(a_history_made_anew_does_not_fit_its_seals),
        cmocka_unit_test(every_tampering_is_found),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_fini(&arena);
    return failed;
}
