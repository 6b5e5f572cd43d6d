/* What an SQLSTATE means, in the one place where it is decided: for requests and for lanes. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "pg/pg_internal.h"

enum verdict {
    VERDICT_NONE = 0,
    VERDICT_AWAY,
    VERDICT_CANCELED,
    VERDICT_CONFLICT,
    VERDICT_INVALID,
    VERDICT_STOP,
    VERDICT_BUG,
};

struct sqlstate_rule {
    const char *prefix;
    enum verdict request;
    enum verdict lane;
};

/* The first prefix that fits decides. */
static const struct sqlstate_rule sqlstate_rules[] = {
    {"08", VERDICT_AWAY, VERDICT_AWAY},        /* connection */
    {"22", VERDICT_INVALID, VERDICT_INVALID},  /* data */
    {"23505", VERDICT_CONFLICT, VERDICT_BUG},  /* unique */
    {"23", VERDICT_BUG, VERDICT_BUG},          /* other constraints */
    {"25006", VERDICT_AWAY, VERDICT_AWAY},     /* read only: a standby, while it is promoted */
    {"25P03", VERDICT_AWAY, VERDICT_AWAY},     /* idle in transaction for too long: we were stuck */
    {"40", VERDICT_AWAY, VERDICT_AWAY},        /* serialization, deadlock */
    {"42", VERDICT_BUG, VERDICT_STOP},         /* the schema does not fit the program */
    {"3F", VERDICT_BUG, VERDICT_STOP},         /* no such schema */
    {"53", VERDICT_AWAY, VERDICT_AWAY},        /* resources */
    {"55", VERDICT_AWAY, VERDICT_AWAY},        /* lock timeout, object not ready */
    {"57014", VERDICT_CANCELED, VERDICT_AWAY}, /* canceled, statement timeout */
    {"57", VERDICT_AWAY, VERDICT_AWAY},        /* shutdown, terminated, starting up */
    {"58", VERDICT_AWAY, VERDICT_AWAY},        /* its disk */
    {"", VERDICT_BUG, VERDICT_BUG},
};

static enum verdict judge(enum pg_use use, const char *sqlstate)
{
    for (size_t i = 0; i < ARRAY_LEN(sqlstate_rules); i++) {
        const struct sqlstate_rule *rule = &sqlstate_rules[i];
        if (strncmp(sqlstate, rule->prefix, strlen(rule->prefix)) == 0) {
            return use == PG_USE_LANE ? rule->lane : rule->request;
        }
    }
    UNREACHABLE("the last rule fits all");
}

static const char *field_of(const PGresult *result, int code)
{
    const char *field = PQresultErrorField(result, code);
    return field ? field : "";
}

STATUS pg_error_lost(struct op *op, struct pg_conn *conn, const char *what)
{
    bool unknown = conn->commit_queued;
    const char *message = conn->db ? PQerrorMessage(conn->db) : "";
    int len = (int)strcspn(message, "\n");
    struct status st;
    if (unknown) {
        st = op_fail(op, STATUS_RETRY, "pg.commit_unknown", "%s: %.*s", what, len, message);
    } else {
        st = op_fail(op, STATUS_RETRY, "pg.unavailable", "%s: %.*s", what, len, message);
    }
    pg_conn_drop(conn);
    return st;
}

STATUS pg_error_of(struct op *op, struct pg_conn *conn, const PGresult *result, const char *what)
{
    const char *sqlstate = field_of(result, PG_DIAG_SQLSTATE);
    if (sqlstate[0] == '\0') { /* made by libpq itself: the connection broke */
        return pg_error_lost(op, conn, what);
    }
    int len = snprintf(conn->sqlstate, sizeof(conn->sqlstate), "%s", sqlstate);
    ASSERT(len >= 0);
    char said[OP_ERR_MSG_MAX_BYTES];
    /* Messages of class 22 quote the offending value, which may be anybody's data. */
    bool quotes = strncmp(sqlstate, "22", 2) == 0;
    len = snprintf(said, sizeof(said), "%s: %s %s%s%s%s%s", what, sqlstate,
                   quotes ? "" : field_of(result, PG_DIAG_MESSAGE_PRIMARY),
                   quotes ? field_of(result, PG_DIAG_TABLE_NAME) : "", quotes ? "." : "",
                   quotes ? field_of(result, PG_DIAG_COLUMN_NAME) : "",
                   quotes ? field_of(result, PG_DIAG_CONSTRAINT_NAME) : "");
    ASSERT(len >= 0);
    switch (judge(conn->use, sqlstate)) {
    case VERDICT_AWAY: return op_fail(op, STATUS_RETRY, "pg.unavailable", "%s", said);
    case VERDICT_CANCELED: return op_fail(op, STATUS_CANCELED, "pg.canceled", "%s", said);
    case VERDICT_CONFLICT: return op_fail(op, STATUS_CONFLICT, "pg.conflict", "%s", said);
    case VERDICT_INVALID: return op_fail(op, STATUS_INVALID, "pg.invalid", "%s", said);
    case VERDICT_STOP: return op_fail(op, STATUS_STOP, "pg.schema", "%s", said);
    case VERDICT_BUG: return op_fail(op, STATUS_BUG, "pg.refused", "%s", said);
    case VERDICT_NONE: break;
    }
    UNREACHABLE("no such verdict");
}
