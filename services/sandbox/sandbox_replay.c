/* In: keys with the hash of what is asked. Out: first, same, different or running. */
#include "sandbox/sandbox_replay.h"

#include "base/id.h"

#define NO_ENTRY UINT32_MAX

bool sandbox_replay_init(struct sandbox_replay *replay, struct arena *arena)
{
    *replay = (struct sandbox_replay){.arena = arena};
    replay->entries = arena_new(arena, struct sandbox_replay_entry, SANDBOX_KEYS_MAX);
    return replay->entries && map_init(&replay->map, arena, SANDBOX_KEYS_MAX);
}

enum sandbox_replay_result sandbox_replay_begin(struct sandbox_replay *replay, struct str key,
                                                const struct hash *asked,
                                                struct sandbox_replay_entry **ret_entry)
{
    struct id id = id_v5(id_namespace(STR("holdfast/sandbox/idempotency-key")), key);
    uint32_t index = map_get(&replay->map, id, NO_ENTRY);
    if (index == NO_ENTRY) {
        if (replay->count == SANDBOX_KEYS_MAX) {
            return SANDBOX_REPLAY_FULL;
        }
        index = map_put(&replay->map, id, replay->count++);
        replay->entries[index].forgotten = true;
    }
    struct sandbox_replay_entry *entry = &replay->entries[index];
    *ret_entry = entry;
    if (entry->forgotten) {
        *entry = (struct sandbox_replay_entry){.asked = *asked, .running = true};
        return SANDBOX_REPLAY_FIRST;
    }
    if (!hash_eq(&entry->asked, asked)) {
        return SANDBOX_REPLAY_DIFFERENT;
    }
    return entry->running ? SANDBOX_REPLAY_RUNNING : SANDBOX_REPLAY_SAME;
}

bool sandbox_replay_keep(struct sandbox_replay *replay, struct sandbox_replay_entry *entry,
                         const struct sandbox_answer *answer)
{
    entry->answer = (struct sandbox_answer){.http_status = answer->http_status,
                                            .body = str_dup(replay->arena, answer->body)};
    entry->running = false;
    return entry->answer.body.ptr;
}

void sandbox_replay_forget(struct sandbox_replay_entry *entry)
{
    *entry = (struct sandbox_replay_entry){.forgotten = true};
}
