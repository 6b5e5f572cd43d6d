/* In: a file of public keys. Out: the keys by their names. */
#include "holdfastctl/ctl_keys.h"

#include "base/file.h"

STATUS ctl_keys_read(struct op *op, struct str path, struct ctl_keys *ret_keys)
{
    struct str rest;
    struct sign_public key;
    TRY(file_read(op, path, SIGN_FILE_MAX_BYTES, &rest));
    ret_keys->count = 0;
    while (sign_public_next(&rest, &key)) {
        if (ret_keys->count == CTL_KEYS_MAX) {
            return op_fail(op, STATUS_INVALID, "ctl.usage", "over %d keys", CTL_KEYS_MAX);
        }
        ret_keys->keys[ret_keys->count] = key;
        ret_keys->ids[ret_keys->count] = sign_key_id(&key);
        ret_keys->count++;
    }
    return ret_keys->count > 0 ? OK
                               : op_fail(op, STATUS_INVALID, "ctl.usage",
                                         STR_FMT " has no Ed25519 public key", STR_ARG(path));
}

const struct sign_public *ctl_keys_find(const struct ctl_keys *keys, const struct hash *id)
{
    for (uint32_t i = 0; i < keys->count; i++) {
        if (hash_eq(&keys->ids[i], id)) {
            return &keys->keys[i];
        }
    }
    return NULL;
}
