/*
 * Reads a file of vectors and runs each on one of the two pairs, in one world for all of them.
 * usage: vectors_test store|bus --sim|--real
 */
#include "vectors.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "world_internal.h"

#define FILE_MAX_BYTES ((size_t)256 * 1024)
#define VECTORS_MAX 256
#define SKIPPED 77
#define WRONG_USAGE 2

/* ---- Words ---- */

void vectors_bad(const struct vectors *run, const char *why)
{
    fail_msg("line %u: %s", run->line->number, why);
}

int64_t vectors_number(const struct vectors *run, struct str word)
{
    int64_t number = 0;
    if (!str_to_i64(word, &number)) {
        vectors_bad(run, "not a number");
    }
    return number;
}

bool vectors_option(const struct vectors_line *line, const char *name, struct str *ret_value)
{
    for (uint32_t i = 0; i < line->word_count; i++) {
        struct str head;
        struct str value;
        if (str_cut(line->words[i], '=', &head, &value) && str_eq(head, str_of(name))) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

int64_t vectors_option_number(const struct vectors *run, const char *name, int64_t otherwise)
{
    struct str value;
    return vectors_option(run->line, name, &value) ? vectors_number(run, value) : otherwise;
}

struct id vectors_id(const struct vectors *run, int64_t i)
{
    struct id id = {.bytes = {0}};
    if (i > 0) {
        id.bytes[9] = (uint8_t)(run->number >> 8);
        id.bytes[10] = (uint8_t)run->number;
        id.bytes[14] = (uint8_t)(i >> 8);
        id.bytes[15] = (uint8_t)i;
    }
    return id;
}

int64_t vectors_id_number(const struct vectors *run, struct id id)
{
    int64_t number = ((int64_t)id.bytes[14] << 8) + id.bytes[15];
    return id_eq(id, vectors_id(run, number)) ? number : -1;
}

void vectors_say_status(const struct vectors *run, struct status st)
{
    strbuf_add(run->said, str_of(status_kind_name(st.kind)));
}

/* ---- Running ---- */

struct vector {
    char name[128];
    struct str text; /* its lines */
    uint32_t line;   /* of its head */
    uint32_t number;
};

static const struct vectors_port *port;
static struct world *world;
static struct vectors running; /* outside of its test, so that a failed one is ended as well */
static void *state_of_running;

/* False for a line without words. */
static bool read_line(struct str text, struct vectors_line *line)
{
    struct str words = text;
    line->expected = STR("ok");
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (memcmp(text.ptr + i, "->", 2) == 0) {
            words = (struct str){.ptr = text.ptr, .len = i};
            line->expected = str_trim(str_after(text, i + 2));
        }
    }
    line->word_count = 0;
    words = str_trim(words);
    while (words.len > 0 && words.ptr[0] != '#') {
        struct str word = words;
        struct str rest = STR("");
        if (str_cut(words, ' ', &word, &rest)) {
            rest = str_trim(rest);
        }
        assert_true(line->word_count < VECTORS_WORDS_MAX);
        line->words[line->word_count++] = word;
        words = rest;
    }
    return line->word_count > 0;
}

static void run_line(struct vectors *run, void *state)
{
    char memory[VECTORS_RESULT_BYTES];
    struct strbuf buf;
    struct str said;
    strbuf_init_fixed(&buf, memory, sizeof(memory));
    run->said = &buf;
    port->run(run, state);
    assert_true(strbuf_finish(&buf, &said));
    if (!str_eq(said, run->line->expected)) {
        fail_msg("line %u: it is \"" STR_FMT "\", not \"" STR_FMT "\" (%s %s)", run->line->number,
                 STR_ARG(said), STR_ARG(run->line->expected), world->op.err.code,
                 world->op.err.msg);
    }
}

static void run_vector(void **test_state)
{
    const struct vector *vector = *test_state;
    struct vectors_line line = {.number = vector->line};
    struct str rest = vector->text;
    struct str text;
    arena_reset(&world->arena);
    running = (struct vectors){.world = world, .number = vector->number, .line = &line};
    state_of_running = port->open(&running);
    while (str_cut(rest, '\n', &text, &rest)) {
        line.number++;
        world->op.err.code = "";
        if (read_line(text, &line)) {
            run_line(&running, state_of_running);
        }
    }
}

static int end_vector(void **test_state)
{
    (void)test_state;
    port->close(&running, state_of_running);
    return 0;
}

/* ---- The file ---- */

static uint32_t read_file(const char *path, char *memory, struct vector *vectors)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(memory, 1, FILE_MAX_BYTES, file);
    assert_true(len < FILE_MAX_BYTES);
    assert_int_equal(fclose(file), 0);
    struct str rest = {.ptr = memory, .len = len};
    struct str text;
    uint32_t count = 0;
    uint32_t line = 0;
    while (str_cut(rest, '\n', &text, &rest)) {
        line++;
        if (str_has_prefix(text, STR("vector:"))) {
            assert_true(count < VECTORS_MAX);
            struct vector *vector = &vectors[count++];
            struct str name = str_trim(str_after(text, sizeof("vector:") - 1));
            int said = snprintf(vector->name, sizeof(vector->name), STR_FMT, STR_ARG(name));
            assert_true(said > 0 && (size_t)said < sizeof(vector->name));
            vector->line = line;
            vector->number = count;
            vector->text = (struct str){.ptr = rest.ptr, .len = 0};
        } else if (count > 0) {
            vectors[count - 1].text.len = (size_t)(rest.ptr - vectors[count - 1].text.ptr);
        }
    }
    return count;
}

static int close_world(void **state)
{
    (void)state;
    world_close(world);
    return 0;
}

static int run_all(const char *path, const char *name)
{
    static struct vector vectors[VECTORS_MAX];
    static struct CMUnitTest tests[VECTORS_MAX];

    char *memory = calloc(1, FILE_MAX_BYTES);
    assert_non_null(memory);
    uint32_t count = read_file(path, memory, vectors);
    for (uint32_t i = 0; i < count; i++) {
        tests[i] = (struct CMUnitTest){.name = vectors[i].name,
                                       .test_func = run_vector,
                                       .teardown_func = end_vector,
                                       .initial_state = &vectors[i]};
    }
    int failed = _cmocka_run_group_tests(name, tests, count, NULL, close_world);
    free(memory);
    return failed;
}

int main(int argc, char **argv)
{
    bool store = argc == 3 && strcmp(argv[1], "store") == 0;
    bool bus = argc == 3 && strcmp(argv[1], "bus") == 0;
    bool sim = argc == 3 && strcmp(argv[2], "--sim") == 0;
    bool real = argc == 3 && strcmp(argv[2], "--real") == 0;
    if ((!store && !bus) || (!sim && !real)) {
        print_error("usage: vectors_test store|bus --sim|--real\n");
        return WRONG_USAGE;
    }
    if (real && !world_real_is_there()) {
        print_message("skipped: HOLDFAST_TEST_DATABASE_URL or HOLDFAST_TEST_KAFKA is not set\n");
        return SKIPPED;
    }
    world = calloc(1, sizeof(*world));
    assert_non_null(world);
    if (sim) {
        world_open_sim(world);
    } else {
        assert_true(world_open_real(world));
    }
    port = store ? &vectors_store_port : &vectors_bus_port;
    int failed =
        run_all(store ? VECTORS_DIR "/vectors_store.txt" : VECTORS_DIR "/vectors_bus.txt", argv[1]);
    free(world);
    return failed;
}
