#pragma once

#include "holdfastctl/ctl_dossier.h"
#include "objects/objects.h"

/* The bytes of a dossier's evidence, in a folder in which objects lie by their hash: that of the gateway, or a copy. */

/* Copies them; what is missing or broken there fails. */
STATUS ctl_evidence_copy(struct op *op, const struct ctl_dossier *dossier, struct objects *from,
                         struct objects *to);
/* What is not there, or is not what the history says, is a finding. */
STATUS ctl_evidence_verify(struct op *op, struct ctl_verification *verification,
                           const struct ctl_dossier *dossier, struct objects *objects);
