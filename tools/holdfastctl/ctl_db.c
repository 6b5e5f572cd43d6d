/* In: --database-url or DATABASE_URL, a service. Out: a session that is at home in its schema. */
#include "holdfastctl/ctl_db.h"

#include "topology/topology.h"

#define OPTION_MAX_BYTES 256

static void add_once(struct str *names, uint32_t *count, struct str name)
{
    for (uint32_t i = 0; i < *count; i++) {
        if (str_eq(names[i], name)) {
            return;
        }
    }
    if (*count < CTL_SERVICES_MAX) {
        names[(*count)++] = name;
    }
}

struct status ctl_services(struct op *op, const struct str **ret_names, uint32_t *ret_count)
{
    struct str *names = arena_new(op->arena, struct str, CTL_SERVICES_MAX);
    uint32_t count = 0;
    if (!names) {
        return op_arena_full(op);
    }
    for (int topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++) {
        add_once(names, &count, str_of(topology_topics[topic].writer));
    }
    *ret_names = names;
    *ret_count = count;
    return OK;
}

struct status ctl_service_check(struct op *op, struct str name)
{
    const struct str *names = NULL;
    uint32_t count = 0;
    TRY(ctl_services(op, &names, &count));
    for (uint32_t i = 0; i < count; i++) {
        if (str_eq(names[i], name)) {
            return OK;
        }
    }
    return op_fail(op, STATUS_INVALID, "ctl.usage", "there is no service '" STR_FMT "'",
                   STR_ARG(name));
}

struct status ctl_services_asked(struct op *op, const struct ctl *ctl, const struct str **ret_names,
                                 uint32_t *ret_count)
{
    if (!ctl_args_given(&ctl->args, CTL_OPTION_SERVICE)) {
        return ctl_services(op, ret_names, ret_count);
    }
    *ret_names = &ctl->args.text[CTL_OPTION_SERVICE];
    *ret_count = 1;
    return ctl_service_check(op, **ret_names);
}

static STATUS database_url(struct op *op, const struct ctl *ctl, struct str *ret_url)
{
    *ret_url = ctl_args_given(&ctl->args, CTL_OPTION_DATABASE_URL)
                   ? ctl->args.text[CTL_OPTION_DATABASE_URL]
                   : STR("");
    if (ret_url->len == 0 && conf_given(ctl->conf, "DATABASE_URL")) {
        *ret_url = secret_reveal(conf_secret(ctl->conf, "DATABASE_URL"));
    }
    return ret_url->len > 0 ? OK
                            : op_fail(op, STATUS_INVALID, "ctl.usage",
                                      "say which database: --database-url or DATABASE_URL");
}

struct status ctl_db_open(struct op *op, const struct ctl *ctl, struct str service,
                          struct pg_conn **ret_conn)
{
    struct str url;
    TRY(database_url(op, ctl, &url));
    TRY(ctl_service_check(op, service)); /* so that its name is fit for an option */
    struct strbuf buf;
    struct str option;
    strbuf_init(&buf, op->arena, OPTION_MAX_BYTES);
    strbuf_addf(&buf, "-c search_path=" STR_FMT " -c holdfast.service=" STR_FMT, STR_ARG(service),
                STR_ARG(service));
    if (!strbuf_finish(&buf, &option)) {
        return op_arena_full(op);
    }
    struct str conninfo;
    TRY(pg_conninfo_with(op, url, option, &conninfo));
    const struct pg_conn_options options = {
        .conninfo = conninfo, .application_name = STR("holdfastctl"), .use = PG_USE_REQUEST};
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    TRY(pg_conn_new(op, &options, &conn));
    TRY(pg_conn_connect(op, conn));
    *ret_conn = TAKE(conn);
    return OK;
}
