#pragma once

#include "conf/conf.h"
#include "holdfastctl/ctl_args.h"
#include "holdfastctl/ctl_out.h"

/* What a command gets: its arguments, the environment's settings, where its output goes. */
struct ctl {
    struct ctl_args args;
    const struct conf *conf;
    struct ctl_out out;
};

#define CTL_ARENA_BYTES ((size_t)512 * 1024 * 1024) /* ledger verify holds one page at a time */

/* Stable; told by --help. */
enum ctl_exit {
    CTL_EXIT_OK = 0,
    CTL_EXIT_NO = 1, /* the answer is no: something is off, pending or refused */
    CTL_EXIT_USAGE = 2,
    CTL_EXIT_UNAVAILABLE = 3,
    CTL_EXIT_NOT_FOUND = 4,
    CTL_EXIT_TIMEOUT = 5,
    CTL_EXIT_BUG = 70,
};

/* ctl_commands.c: the one table. */
extern const struct ctl_command ctl_commands[];
extern const uint32_t ctl_command_count;

ctl_run ctl_migrate_up, ctl_migrate_status;
ctl_run ctl_topics_ensure;
ctl_run ctl_token_create, ctl_token_list, ctl_token_revoke;
ctl_run ctl_escrow_list, ctl_escrow_show;
ctl_run ctl_delivery_list;
ctl_run ctl_ledger_verify;
ctl_run ctl_audit_export, ctl_audit_verify;
ctl_run ctl_verdict_key, ctl_verdict_sign;
ctl_run ctl_park_list, ctl_park_show, ctl_park_retry, ctl_park_drop;
ctl_run ctl_quarantine_show, ctl_quarantine_drop;
ctl_run ctl_webhooks_list, ctl_webhooks_show, ctl_webhooks_replay;
ctl_run ctl_effect_list, ctl_effect_show, ctl_effect_settle;
ctl_run ctl_bus_republish;
ctl_run ctl_clock_advance, ctl_clock_show;
ctl_run ctl_lane_list, ctl_lane_resume;
ctl_run ctl_rail_show, ctl_rail_stop, ctl_rail_release;
ctl_run ctl_reconcile_run, ctl_reconcile_show;
ctl_run ctl_restore_check, ctl_restore_apply;
