/* The one table of commands. */
#include "base/defer.h"
#include "holdfastctl/ctl.h"

#define DATABASE CTL_BIT(CTL_OPTION_DATABASE_URL)
#define REQUEST                                                                  \
    (DATABASE | CTL_BIT(CTL_OPTION_SERVICE) | CTL_BIT(CTL_OPTION_REQUESTED_BY) | \
     CTL_BIT(CTL_OPTION_APPROVED_BY) | CTL_BIT(CTL_OPTION_WAIT))

/* clang-format off */
const struct ctl_command ctl_commands[] = {
    {"migrate", "up", NULL, 0, DATABASE | CTL_BIT(CTL_OPTION_DIR), ctl_migrate_up,
     "Applies what is missing, file by file; refuses when an applied file was changed."},
    {"migrate", "status", NULL, 0, DATABASE | CTL_BIT(CTL_OPTION_DIR), ctl_migrate_status,
     "Which files were applied; exit code 1 when the database is not up to date."},
    {"topics", "ensure", NULL, 0, CTL_BIT(CTL_OPTION_BROKERS) | CTL_BIT(CTL_OPTION_REPLICATION), ctl_topics_ensure,
     "Creates the topics that the broker lacks and checks the others."},
    {"token", "create", NULL, CTL_BIT(CTL_OPTION_KIND),
     DATABASE | CTL_BIT(CTL_OPTION_USER) | CTL_BIT(CTL_OPTION_ACCOUNT) | CTL_BIT(CTL_OPTION_LABEL) |
     CTL_BIT(CTL_OPTION_DAYS) | CTL_BIT(CTL_OPTION_LIVE) | CTL_BIT(CTL_OPTION_SIGNED), ctl_token_create,
     "Makes an API token and prints it, this once; with --signed the id of its key and the key, too."},
    {"token", "list", NULL, 0, DATABASE | CTL_BIT(CTL_OPTION_LIMIT), ctl_token_list,
     "The tokens, by their hashes, the newest first."},
    {"token", "revoke", "TOKEN|HASH", 0, DATABASE, ctl_token_revoke,
     "Ends a token at once."},
    {"escrow", "list", NULL, 0,
     DATABASE | CTL_BIT(CTL_OPTION_STATE) | CTL_BIT(CTL_OPTION_ATTENTION) | CTL_BIT(CTL_OPTION_LIMIT), ctl_escrow_list,
     "Escrows, the latest change first."},
    {"escrow", "show", "ID", 0, DATABASE, ctl_escrow_show,
     "One escrow with its history and its ledger."},
    {"delivery", "list", NULL, 0,
     DATABASE | CTL_BIT(CTL_OPTION_ESCROW) | CTL_BIT(CTL_OPTION_USER) | CTL_BIT(CTL_OPTION_LIMIT), ctl_delivery_list,
     "What people were told and what became of it, the newest first: of a deal, of a user, or of all."},
    {"ledger", "verify", NULL, 0, DATABASE | CTL_BIT(CTL_OPTION_SEAL_KEYS), ctl_ledger_verify,
     "Recomputes every hash chain, every sum and every seal (signatures, where their keys are given); exit code 1 when anything is off."},
    {"audit", "export", "ESCROW", 0, DATABASE | CTL_BIT(CTL_OPTION_OUT), ctl_audit_export,
     "Writes a dossier: what is sealed of a deal's history, for whoever does not trust this database."},
    {"audit", "verify", "DOSSIER", CTL_BIT(CTL_OPTION_SEAL_KEYS), 0, ctl_audit_verify,
     "Proves a dossier from its file and the public keys alone; exit code 1 when anything is off."},
    {"park", "list", NULL, 0, DATABASE | CTL_BIT(CTL_OPTION_SERVICE) | CTL_BIT(CTL_OPTION_LIMIT), ctl_park_list,
     "Keys whose messages wait for a person, and records without a readable key."},
    {"park", "show", "KEY", 0, DATABASE | CTL_BIT(CTL_OPTION_SERVICE) | CTL_BIT(CTL_OPTION_LIMIT), ctl_park_show,
     "The messages that wait behind a key."},
    {"park", "retry", "KEY", 0, REQUEST, ctl_park_retry,
     "Asks the owner of the key's lane to decide its messages again, in order."},
    {"park", "drop", "KEY", 0, REQUEST, ctl_park_drop,
     "Asks the owner to drop the key's first message; about money it wants two names, recorded, not verified."},
    {"webhooks", "list", NULL, 0,
     DATABASE | CTL_BIT(CTL_OPTION_ESCROW) | CTL_BIT(CTL_OPTION_ATTENTION) | CTL_BIT(CTL_OPTION_LIMIT), ctl_webhooks_list,
     "What the provider told, the newest first, and what became of it; --attention: what no deal took."},
    {"webhooks", "show", "EVENT", 0, DATABASE, ctl_webhooks_show,
     "One event of the provider with its bytes as they were signed."},
    {"webhooks", "replay", "EVENT", 0, DATABASE | CTL_BIT(CTL_OPTION_REQUESTED_BY) | CTL_BIT(CTL_OPTION_REASON) | CTL_BIT(CTL_OPTION_WAIT),
     ctl_webhooks_replay,
     "Asks the owner of its deal's lane to decide it again from the stored bytes; what is known already changes nothing."},
    {"effect", "list", NULL, 0,
     DATABASE | CTL_BIT(CTL_OPTION_SERVICE) | CTL_BIT(CTL_OPTION_ATTENTION) | CTL_BIT(CTL_OPTION_LIMIT), ctl_effect_list,
     "Calls to the outside that are not settled, the oldest first; --attention: those that are too old to be repeated."},
    {"effect", "show", "ID", 0, DATABASE | CTL_BIT(CTL_OPTION_SERVICE), ctl_effect_show,
     "One call with its frozen request and that request's SHA-256."},
    {"effect", "settle", "ID",
     CTL_BIT(CTL_OPTION_OUTCOME) | CTL_BIT(CTL_OPTION_SHA256) | CTL_BIT(CTL_OPTION_REASON) |
     CTL_BIT(CTL_OPTION_REQUESTED_BY) | CTL_BIT(CTL_OPTION_APPROVED_BY),
     DATABASE | CTL_BIT(CTL_OPTION_SERVICE) | CTL_BIT(CTL_OPTION_OBJECT) | CTL_BIT(CTL_OPTION_WAIT), ctl_effect_settle,
     "Says what became of a call older than 21 h that nobody but a person can tell; wants two names, recorded, not verified."},
    {"bus", "republish", NULL,
     CTL_BIT(CTL_OPTION_TOPIC) | CTL_BIT(CTL_OPTION_LANE) | CTL_BIT(CTL_OPTION_N),
     DATABASE | CTL_BIT(CTL_OPTION_REQUESTED_BY) | CTL_BIT(CTL_OPTION_WAIT), ctl_bus_republish,
     "Asks the writer of a topic to publish again from a number on."},
    {"lane", "list", NULL, 0, DATABASE | CTL_BIT(CTL_OPTION_SERVICE), ctl_lane_list,
     "Who owns which lane; exit code 1 when one is stopped."},
    {"lane", "resume", NULL, CTL_BIT(CTL_OPTION_SERVICE) | CTL_BIT(CTL_OPTION_LANE), DATABASE, ctl_lane_resume,
     "Lets a stopped lane run again."},
    {"restore", "check", NULL, 0, DATABASE | CTL_BIT(CTL_OPTION_SERVICE), ctl_restore_check,
     "After a database was restored: which lanes lack what the log holds, and how far they have come; exit code 1 until all have it."},
    {"restore", "apply", NULL, CTL_BIT(CTL_OPTION_REQUESTED_BY) | CTL_BIT(CTL_OPTION_APPROVED_BY),
     DATABASE | CTL_BIT(CTL_OPTION_SERVICE) | CTL_BIT(CTL_OPTION_WAIT), ctl_restore_apply,
     "Lets these lanes take it back from the log and decide it again; wants two names, recorded, not verified."},
    {"clock", "advance", "DURATION", 0, DATABASE, ctl_clock_advance,
     "Sandbox time of all services goes forward: 90s, 30m, 36h, 7d. Only with HOLDFAST_ENV=development or test."},
    {"clock", "show", NULL, 0, DATABASE, ctl_clock_show,
     "How far sandbox time is ahead; exit code 1 when not the same everywhere."},
};
/* clang-format on */

const uint32_t ctl_command_count = ARRAY_LEN(ctl_commands);
