#pragma once

#include <protobuf-c/protobuf-c.h>

#include "base/op.h"

/*
 * Walks a packed message against its descriptor, without memory: lengths, field numbers, nesting of
 * at most WIRE_DEPTH_MAX, UTF-8 without NUL, known enum values, no singular field and no oneof
 * given twice. Fields that the descriptor does not know are stepped over. STATUS_INVALID with a
 * wire.* code otherwise. Descriptors may have at most WIRE_SCAN_FIELDS_MAX fields (ASSERT).
 */
STATUS wire_scan(struct op *op, const ProtobufCMessageDescriptor *descriptor, struct str bytes);

#define WIRE_SCAN_FIELDS_MAX 64 /* bits of a uint64_t */
