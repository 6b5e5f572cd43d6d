#pragma once

#include "base/media.h"
#include "base/op.h"
#include "base/table.h"
#include "gateway/gateway.h"
#include "objects/objects.h"
#include "pg/pg.h"

/*
 * Evidence: what the read model remembers of each piece, and of the uploads that may become one. The bytes lie in the object
 * store, which all replicas share. An upload is written down before its bytes are stored, so none lies there unknown: those that came to
 * nothing are forgotten, a day later, by uploads that come after (gateway_evidence_sweep).
 */

#define GATEWAY_EVIDENCE_TEXT_MAX_BYTES 500 /* of a description: what escrow takes */
#define GATEWAY_EVIDENCE_LIST_MAX 60        /* all that two can submit in three disputes */
#define GATEWAY_UPLOADS_MAX 30              /* of one account to one deal, within a day */
#define GATEWAY_UPLOAD_KEPT_S 86400

/* A row of escrow_evidence. */
struct gateway_evidence {
    struct id escrow_id;
    int64_t seq;
    int64_t dispute;
    struct id submitted_by;
    struct hash content;
    int type; /* enum media */
    int64_t size_bytes;
    struct str description;
    int64_t at_us;
};

extern const struct table gateway_evidence_table;

/* What has been laid before whoever decides the dispute that is open. */
struct gateway_docket {
    int64_t buyer_items;
    int64_t seller_items;
    int64_t buyer_until_us;
    int64_t seller_until_us;
    int64_t staff_decides_at_us;
};

STATUS gateway_evidence_docket(struct op *op, const struct gateway_docket *docket,
                               struct str *ret_json);

/* By rising seq. */
STATUS gateway_evidence_list(struct op *op, struct pg *pg, struct id escrow_id,
                             const struct gateway_evidence **ret_rows, uint32_t *ret_count);
/* The first piece of the deal that is these bytes. */
STATUS gateway_evidence_find(struct op *op, struct pg *pg, struct id escrow_id,
                             const struct hash *content, struct gateway_evidence *ret_row,
                             bool *ret_found);
STATUS gateway_evidence_json(struct op *op, const struct gateway_evidence *rows, uint32_t count,
                             struct str *ret_json);

struct gateway_upload {
    struct id command_id;
    struct hash content;
    struct id account_id;
    struct id escrow_id;
};

/* From here on its bytes are not removed before it is known what came of its command. False: the account has
 * GATEWAY_UPLOADS_MAX of them in this deal. */
STATUS gateway_evidence_begin(struct op *op, struct pg *pg, const struct gateway_upload *upload,
                              bool *ret_has_room);
/* Forgets at most two uploads whose command was decided, or never came, a day ago; and the bytes that nothing else names. */
STATUS gateway_evidence_sweep(struct op *op, struct pg *pg, struct objects *objects);
