#pragma once

#include <stdint.h>

/*
 * What oracle is asked for. Numbers of the kinds are those of the wire (proto/holdfast/oracle/v1) and
 * of the table `timer`.
 */

enum oracle_timer_kind {
    ORACLE_TIMER_NONE = 0,
    ORACLE_TIMER_FUNDING,
    ORACLE_TIMER_DELIVERY,
    ORACLE_TIMER_INSPECTION,
    ORACLE_TIMER_ANSWER,
    ORACLE_TIMER_DISPUTE,
    ORACLE_TIMER_ESCALATION,
    ORACLE_TIMER_KIND_COUNT,
};

enum oracle_command_kind {
    ORACLE_COMMAND_NONE = 0,
    ORACLE_SET_TIMER,
    ORACLE_CANCEL_TIMER,
    ORACLE_COMMAND_KIND_COUNT,
};

struct oracle_command {
    enum oracle_command_kind kind;
    enum oracle_timer_kind timer;
    int64_t generation; /* from 1 on */
    int64_t due_at_us;  /* SET_TIMER: 1 to ORACLE_DUE_MAX_US */
};

/* The end of the year 9999: what every tool can still show as a date. */
#define ORACLE_DUE_MAX_US INT64_C(253402300799999999)
