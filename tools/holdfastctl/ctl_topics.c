/* In: topology.yaml, compiled in. Out: the broker's topics. */
#include "holdfastctl/ctl.h"
#include "kafka/kafka_topics.h"

struct status ctl_topics_ensure(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {{"created", CTL_CELL_NUMBER},
                                                {"existing", CTL_CELL_NUMBER}};
    struct str brokers = STR("");
    if (ctl_args_given(&ctl->args, CTL_OPTION_BROKERS)) {
        brokers = ctl->args.text[CTL_OPTION_BROKERS];
    } else if (conf_given(ctl->conf, "KAFKA_BROKERS")) {
        brokers = conf_str(ctl->conf, "KAFKA_BROKERS");
    }
    if (brokers.len == 0) {
        return op_fail(op, STATUS_INVALID, "ctl.usage",
                       "say which broker: --brokers or KAFKA_BROKERS");
    }
    int32_t copies = ctl_args_given(&ctl->args, CTL_OPTION_REPLICATION)
                         ? (int32_t)ctl->args.number[CTL_OPTION_REPLICATION]
                         : 1;
    const struct kafka_topics_options options = {
        .common = {.brokers = brokers, .client_id = STR("holdfastctl")},
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
    return OK;
}
