#pragma once

#include "holdfastctl/ctl.h"
#include "holdfastctl/ctl_verify.h"

/* Prints what was found, always with --json, else when there is something. STATUS_CONFLICT "ctl.findings" when
 * there is. */
STATUS ctl_findings_print(struct op *op, struct ctl *ctl,
                          const struct ctl_verification *verification);
