#pragma once

#include "base/hash.h"
#include "http/http.h"

/*
 * Signed requests: the part of RFC 9421 (HTTP Message Signatures) and RFC 9530 (Content-Digest) that
 * is understood here. Reading and building only: who must sign what, with which key and when, is for
 * the service to say. Narrower than the RFCs, so that there is one way to write each thing:
 *
 * - One signature, under one label, in Signature-Input and Signature; 32 bytes, that is hmac-sha256.
 * - Signature-Input as RFC 8941 serializes it: no blanks but one between components.
 * - Components without parameters: "@method", "@path", "@query", "@authority", and header fields
 *   that were sent once.
 * - Parameters created, keyid, nonce and alg, in any order; strings without quotes or backslashes.
 * - Content-Digest with sha-256 alone.
 */

#define HTTP_SIGNATURE_COVERED_MAX 16
#define HTTP_SIGNATURE_TEXT_MAX_BYTES 128 /* of keyid, nonce or alg */

/* All texts are borrowed from the request. */
struct http_signature {
    struct str params; /* the value of @signature-params */
    uint32_t covered_count;
    struct str covered[HTTP_SIGNATURE_COVERED_MAX]; /* names, without their quotes */
    int64_t created_s;                              /* since 1970; -1: not said */
    struct str keyid;                               /* this and the next two: empty when not said */
    struct str nonce;
    struct str alg;
    struct hash mac;
};

/* STATUS_DENIED: "signature.missing" when neither header was sent, else "signature.malformed". */
STATUS http_signature_read(struct op *op, const struct http_request *req,
                           struct http_signature *ret_signature);

bool http_signature_covers(const struct http_signature *signature, struct str name);

/* The signature base, what the MAC is made over; in op->arena. STATUS_DENIED "signature.components": it
 * covers what is not there, what was sent twice, or what is not understood here. */
STATUS http_signature_base(struct op *op, const struct http_request *req,
                           const struct http_signature *signature, struct str *ret_base);

/* Whether Content-Digest is that of the body. STATUS_DENIED "signature.digest". */
STATUS http_signature_check_digest(struct op *op, const struct http_request *req);
