/* In: a verification. Out: its findings as a table, and the answer that the exit code is. */
#include "holdfastctl/ctl_findings.h"

#include <inttypes.h>

#include "base/defer.h"

static STATUS print_findings(struct op *op, struct ctl *ctl,
                             const struct ctl_verification *verification)
{
    static const struct ctl_column columns[] = {
        {"escrow_id", CTL_CELL_ID}, {"what", CTL_CELL_TEXT}, {"detail", CTL_CELL_TEXT}};
    struct ctl_table table;
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), CTL_FINDINGS_MAX));
    for (uint32_t i = 0; i < verification->finding_count; i++) {
        struct ctl_cell *cells;
        TRY(ctl_table_add(op, &table, &cells));
        cells[0].id = verification->findings[i].escrow_id;
        cells[1].text = str_of(verification->findings[i].what);
        cells[2].text = verification->findings[i].detail;
    }
    ctl_out_list(&ctl->out, "findings", "Findings", &table);
    return OK;
}

STATUS ctl_findings_print(struct op *op, struct ctl *ctl,
                          const struct ctl_verification *verification)
{
    bool right = verification->findings_total == 0;
    if (ctl->out.json || !right) {
        TRY(print_findings(op, ctl, verification));
    }
    return right ? OK
                 : op_fail(op, STATUS_CONFLICT, "ctl.findings", "%" PRIu64 " findings",
                           verification->findings_total);
}
