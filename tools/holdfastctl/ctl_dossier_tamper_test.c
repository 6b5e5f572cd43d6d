/*
 * 10,000 random tamperings of a dossier are all found: bytes flipped, put in, dropped, cut off; lines dropped, doubled,
 * exchanged; single values of rows changed and everything written anew as it should be. SEED=7 for others,
 * TAMPERINGS=100000 for more.
 */
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
#include "escrow/escrow_repo.h"
#include "holdfastctl/testing/ctl_dossier_world.h"
#include "testing/testing_env.h"

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
        return (struct rows){&escrow_verdict_table, dossier->verdicts, &dossier->verdict_count,
                             sizeof(struct escrow_dispute_verdict)};
    case 4:
        return (struct rows){&escrow_evidence_table, dossier->evidence, &dossier->evidence_count,
                             sizeof(struct escrow_evidence)};
    case 5:
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
    struct rows rows = rows_of(&world.dossier, how == DOUBLE_ROW ? 1 + draw(6) : draw(7));
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_tampering_is_found)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_fini(&arena);
    return failed;
}
