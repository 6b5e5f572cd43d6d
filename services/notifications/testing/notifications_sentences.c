/* Prints what everybody is told, for golden/notifications_sentences.txt: a change of a sentence is seen
 * in review as a change of that file. */
#include <inttypes.h>
#include <stdio.h>

#include "base/defer.h"
#include "notifications/notifications_text.h"

static void show(struct op *op, enum notice notice, enum role role, struct str detail)
{
    struct news news = {.escrow_id = {.bytes = {[15] = 1}},
                        .seq = 1,
                        .notice = notice,
                        .role = role,
                        .amount_minor = 123456,
                        .currency = notice == NOTICE_FOREIGN_MONEY ? STR("JPY") : STR("USD"),
                        .detail = detail,
                        .description = STR("a sword"),
                        .happened_at_us = INT64_C(1763721600999999)};
    struct str content;
    struct status st = notifications_text_write(op, &news, &content);
    printf("---- " STR_FMT " to " STR_FMT "%s\n" STR_FMT "\n", STR_ARG(notice_name(notice)),
           STR_ARG(role_name(role)), detail.len > 0 ? ", with a detail" : "",
           status_failed(st) ? 0 : (int)content.len, content.ptr);
}

int main(void)
{
    for (enum notice notice = NOTICE_NONE + 1; notice < NOTICE_COUNT; notice++) {
        for (enum role role = ROLE_NONE + 1; role < ROLE_COUNT; role++) {
            if (!notifications_text_is_told(notice, role)) {
                continue;
            }
            DEFER(arena_fini) struct arena arena;
            arena_init(&arena, (size_t)256 * 1024);
            struct op op = {.arena = &arena};
            show(&op, notice, role, STR(""));
            show(&op, notice, role, STR("why"));
        }
    }
    return 0;
}
