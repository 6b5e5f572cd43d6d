/* In: topology.yaml, compiled in. Out: the broker's topics. */
#include "holdfastctl/ctl.h"
#include "kafka/kafka_security.h"
#include "kafka/kafka_topics.h"

static STATUS brokers_of(struct op *op, const struct ctl *ctl, struct str *ret_brokers)
{
    if (ctl_args_given(&ctl->args, CTL_OPTION_BROKERS)) {
        *ret_brokers = ctl->args.text[CTL_OPTION_BROKERS];
        return OK;
    }
    if (conf_given(ctl->conf, "KAFKA_BROKERS")) {
        *ret_brokers = conf_str(ctl->conf, "KAFKA_BROKERS");
        return OK;
    }
    return op_fail(op, STATUS_INVALID, "ctl.usage", "say which broker: --brokers or KAFKA_BROKERS");
}

/* The default is for development: what conf refuses where it is given. */
static STATUS check_protocol(struct op *op, const struct conf *conf)
{
    bool production = conf_given(conf, "HOLDFAST_ENV") &&
                      str_eq(conf_str(conf, "HOLDFAST_ENV"), STR("production"));
    return production && str_eq(conf_str(conf, "KAFKA_SECURITY_PROTOCOL"), STR("plaintext"))
               ? op_fail(op, STATUS_INVALID, "ctl.usage",
                         "KAFKA_SECURITY_PROTOCOL: production wants ssl or sasl_ssl")
               : OK;
}

/* Shown, and left to a person: see kafka_topics_ensure. */
static STATUS show_differences(struct op *op, struct ctl *ctl,
                               const struct kafka_topics_result *result)
{
    static const struct ctl_column columns[] = {{"topic", CTL_CELL_TEXT},
                                                {"retention_ms", CTL_CELL_NUMBER},
                                                {"wanted_ms", CTL_CELL_NUMBER}};
    struct ctl_table table;
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), TOPIC_COUNT));
    for (uint32_t i = 0; i < result->difference_count; i++) {
        const struct kafka_topics_difference *each = &result->differences[i];
        struct ctl_cell *cells;
        TRY(ctl_table_add(op, &table, &cells));
        cells[0].text = str_of(each->name);
        cells[1].number = each->retention_ms;
        cells[2].number = each->wanted_ms;
    }
    ctl_out_list(&ctl->out, "differences", "Topics that keep their records for another time",
                 &table);
    return result->difference_count == 0
               ? OK
               : op_fail(op, STATUS_CONFLICT, "ctl.retention",
                         "topics differ from topology.yaml; if that is not meant: kafka-configs.sh "
                         "--bootstrap-server BROKER --alter --topic TOPIC --add-config "
                         "retention.ms=WANTED_MS");
}

struct status ctl_topics_ensure(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {{"created", CTL_CELL_NUMBER},
                                                {"existing", CTL_CELL_NUMBER}};
    struct str brokers;
    TRY(brokers_of(op, ctl, &brokers));
    TRY(check_protocol(op, ctl->conf));
    int32_t copies = ctl_args_given(&ctl->args, CTL_OPTION_REPLICATION)
                         ? (int32_t)ctl->args.number[CTL_OPTION_REPLICATION]
                         : 1;
    const struct kafka_topics_options options = {
        .common = {.brokers = brokers,
                   .client_id = STR("holdfastctl"),
                   .security = kafka_security_of(ctl->conf)},
        .topic_prefix = STR(""),
        .replication_factor = copies,
        .min_insync_replicas = copies > 2 ? 2 : 1, /* with two copies, one may be away */
    };
    struct kafka_topics_result result;
    TRY(kafka_topics_ensure(op, &options, &result));
    struct ctl_table table;
    struct ctl_cell *cells;
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), 1));
    TRY(ctl_table_add(op, &table, &cells));
    cells[0].number = result.created_count;
    cells[1].number = result.existing_count;
    ctl_out_object(&ctl->out, "topics", &table);
    return show_differences(op, ctl, &result);
}
