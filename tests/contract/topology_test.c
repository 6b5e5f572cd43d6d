/*
 * topology.yaml against the services as the engine gets them: who reads, who is told of what was
 * parked. Who emits which topic is in test_topology.py, which reads the sources.
 */
#include "topology/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "base/lane.h"
#include "escrow/escrow_in.h"
#include "gateway/gateway_in.h"
#include "notifications/notifications_service.h"
#include "oracle/oracle_service.h"
#include "payments/payments_service.h"

static const struct engine_service *const services[] = {
    &escrow_service, &gateway_service, &notifications_service, &oracle_service, &payments_service,
};

_Static_assert(TOPOLOGY_PARTITIONS == LANES, "a lane is a partition of every topic");

static const struct engine_service *service_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(services); i++) {
        if (str_eq(services[i]->name, str_of(name))) {
            return services[i];
        }
    }
    return NULL;
}

static bool reads(const struct topology_topic *topic, struct str service)
{
    for (size_t i = 0; i < TOPOLOGY_READERS_MAX && topic->readers[i]; i++) {
        if (str_eq(service, str_of(topic->readers[i]))) {
            return true;
        }
    }
    return false;
}

static uint32_t handlers_of(const struct engine_service *service, enum topic topic)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < service->handler_count; i++) {
        count += service->handlers[i].topic == topic ? 1 : 0;
    }
    return count;
}

static void every_handler_is_a_reader(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(services); i++) {
        assert_in_range(services[i]->handler_count, 1, ENGINE_HANDLERS_MAX);
        for (uint32_t h = 0; h < services[i]->handler_count; h++) {
            enum topic topic = services[i]->handlers[h].topic;
            assert_in_range(topic, TOPIC_NONE + 1, TOPIC_COUNT - 1);
            assert_non_null(services[i]->handlers[h].aggregate);
            if (!reads(&topology_topics[topic], services[i]->name)) {
                fail_msg(STR_FMT " handles %s and is not among its readers",
                         STR_ARG(services[i]->name), topology_topics[topic].name);
            }
        }
    }
}

static void every_reader_has_one_handler(void **state)
{
    (void)state;
    for (enum topic topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++) {
        const struct topology_topic *entry = &topology_topics[topic];
        for (size_t i = 0; i < TOPOLOGY_READERS_MAX && entry->readers[i]; i++) {
            const struct engine_service *service = service_of(entry->readers[i]);
            if (!service || handlers_of(service, topic) != 1) {
                fail_msg("%s is to read %s and has no handler, or two", entry->readers[i],
                         entry->name);
            }
        }
    }
}

static void every_service_announces_what_it_parks(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(services); i++) {
        assert_in_range(services[i]->dlq, TOPIC_NONE + 1, TOPIC_COUNT - 1);
        const struct topology_topic *dlq = &topology_topics[services[i]->dlq];
        assert_int_equal(dlq->kind, TOPOLOGY_LANE);
        assert_true(str_eq(services[i]->name, str_of(dlq->writer)));
        assert_non_null(services[i]->parked_record);
        for (size_t other = 0; other < i; other++) {
            assert_int_not_equal(services[i]->dlq, services[other]->dlq);
        }
    }
}

static void names_are_unique_and_writers_exist(void **state)
{
    (void)state;
    for (enum topic topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++) {
        assert_non_null(service_of(topology_topics[topic].writer));
        for (enum topic other = TOPIC_NONE + 1; other < topic; other++) {
            assert_string_not_equal(topology_topics[topic].name, topology_topics[other].name);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(services); i++) {
        for (size_t other = 0; other < i; other++) {
            assert_false(str_eq(services[i]->name, services[other]->name));
        }
    }
}

/* INV32: who has timers has a topic to ask Kafka for its time, and nobody reads that. */
static void every_service_with_timers_asks_for_the_time(void **state)
{
    (void)state;
    uint32_t asking = 0;
    for (size_t i = 0; i < ARRAY_LEN(services); i++) {
        const struct topology_topic *clock = &topology_topics[services[i]->clock];
        assert_int_equal(services[i]->clock != TOPIC_NONE, services[i]->timers_of != NULL);
        if (services[i]->clock != TOPIC_NONE) {
            assert_int_equal(clock->kind, TOPOLOGY_CLOCK);
            assert_true(str_eq(services[i]->name, str_of(clock->writer)));
            assert_null(clock->readers[0]);
            asking++;
        }
    }
    assert_int_equal(asking, 2); /* oracle: deadlines of deals; payments: looks after legs */
}

/* A service that writes an intake topic has requests of its own that wait for an outcome, so one of
 * its handlers must bring it. */
static void every_intake_is_closed(void **state)
{
    (void)state;
    for (enum topic topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++) {
        if (topology_topics[topic].kind != TOPOLOGY_INTAKE) {
            continue;
        }
        const struct engine_service *writer = service_of(topology_topics[topic].writer);
        assert_non_null(writer);
        uint32_t closing = 0;
        for (uint32_t i = 0; i < writer->handler_count; i++) {
            const struct engine_handler *handler = &writer->handlers[i];
            assert_int_equal(handler->closes == ENGINE_CLOSES_CAUSE, handler->outcome != NULL);
            closing += handler->closes != ENGINE_CLOSES_NONE ? 1 : 0;
            if (handler->topic == topic) { /* internal: its own decisions are the outcome */
                assert_int_equal(handler->closes, ENGINE_CLOSES_MESSAGE);
            }
        }
        assert_int_not_equal(closing, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_handler_is_a_reader),
        cmocka_unit_test(every_reader_has_one_handler),
        cmocka_unit_test(every_service_announces_what_it_parks),
        cmocka_unit_test(names_are_unique_and_writers_exist),
        cmocka_unit_test(every_service_with_timers_asks_for_the_time),
        cmocka_unit_test(every_intake_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
