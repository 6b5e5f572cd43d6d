#include "kafka/kafka_security.h"

struct kafka_security kafka_security_of(const struct conf *conf)
{
    struct kafka_security security = {.protocol = conf_str(conf, "KAFKA_SECURITY_PROTOCOL")};
    if (conf_given(conf, "KAFKA_SASL_USERNAME")) {
        security.sasl_mechanism = conf_str(conf, "KAFKA_SASL_MECHANISM");
        security.username = conf_str(conf, "KAFKA_SASL_USERNAME");
        security.password = conf_secret(conf, "KAFKA_SASL_PASSWORD");
    }
    if (conf_given(conf, "KAFKA_CA_PATH")) {
        security.ca_location = conf_str(conf, "KAFKA_CA_PATH");
    }
    return security;
}
