/* In: rules of tests, requests. Out: which rule a request meets. A rule is used exactly `count` times. */
#include "sandbox/sandbox_fault.h"

#include "base/defer.h"

static const char *const mode_names[SANDBOX_FAULT_MODE_COUNT] = {
    [SANDBOX_FAULT_DELAY] = "delay",
    [SANDBOX_FAULT_DROP_ANSWER] = "drop_answer",
    [SANDBOX_FAULT_STATUS] = "status",
    [SANDBOX_FAULT_GARBAGE] = "garbage",
};

static const char *const when_names[SANDBOX_FAULT_WHEN_COUNT] = {
    [SANDBOX_FAULT_BEFORE] = "before",
    [SANDBOX_FAULT_AFTER] = "after",
};

/* The index of a name in a list whose entry 0 means "none". */
static size_t name_index(const char *const *names, size_t count, struct str name)
{
    for (size_t i = 1; i < count; i++) {
        if (str_eq(name, str_of(names[i]))) {
            return i;
        }
    }
    return 0;
}

enum sandbox_fault_mode sandbox_fault_mode_parse(struct str name)
{
    return (enum sandbox_fault_mode)name_index(mode_names, ARRAY_LEN(mode_names), name);
}

enum sandbox_fault_when sandbox_fault_when_parse(struct str name)
{
    return (enum sandbox_fault_when)name_index(when_names, ARRAY_LEN(when_names), name);
}

bool sandbox_faults_add(struct sandbox_faults *faults, const struct sandbox_fault *fault)
{
    for (uint32_t i = 0; i < faults->count; i++) {
        if (faults->rows[i].count == 0) {
            faults->rows[i] = *fault;
            return true;
        }
    }
    if (faults->count == SANDBOX_FAULTS_MAX) {
        return false;
    }
    faults->rows[faults->count++] = *fault;
    return true;
}

void sandbox_faults_end(struct sandbox_faults *faults, struct str path)
{
    for (uint32_t i = 0; i < faults->count; i++) {
        if (str_eq(faults->rows[i].path, path)) {
            faults->rows[i].count = 0;
        }
    }
}

struct sandbox_fault sandbox_faults_take(struct sandbox_faults *faults, struct str method,
                                         struct str path)
{
    for (uint32_t i = 0; i < faults->count; i++) {
        struct sandbox_fault *row = &faults->rows[i];
        bool fits = row->count > 0 && str_has_prefix(path, row->path) &&
                    (row->method.len == 0 || str_eq(row->method, method));
        if (fits) {
            row->count--;
            faults->used++;
            return *row;
        }
    }
    return (struct sandbox_fault){.mode = SANDBOX_FAULT_NONE};
}
