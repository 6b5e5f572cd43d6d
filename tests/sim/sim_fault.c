/* Forwarding with a counter. One function for each port call: each is a place to die at. */
#include "sim_fault.h"

#include <stdlib.h>

#include "base/assert.h"

const char *sim_step_name(enum sim_step step)
{
    static const char *const names[SIM_STEP_COUNT] = {
        [SIM_STEP_NONE] = "",
        [SIM_STEP_CONNECT] = "connect",
        [SIM_STEP_HEARTBEAT] = "heartbeat",
        [SIM_STEP_RETIRE] = "retire",
        [SIM_STEP_CLAIM] = "claim",
        [SIM_STEP_RELEASE] = "release",
        [SIM_STEP_STOP] = "stop",
        [SIM_STEP_BEGIN] = "begin",
        [SIM_STEP_LOAD] = "load",
        [SIM_STEP_LOAD_CHILDREN] = "load_children",
        [SIM_STEP_SCAN] = "scan",
        [SIM_STEP_INSERT] = "insert",
        [SIM_STEP_UPDATE] = "update",
        [SIM_STEP_ERASE] = "erase",
        [SIM_STEP_TOUCH] = "touch",
        [SIM_STEP_TELL] = "tell",
        [SIM_STEP_SYNC] = "sync",
        [SIM_STEP_COMMIT] = "commit",
        [SIM_STEP_ROLLBACK] = "rollback",
        [SIM_STEP_CLUSTER_ID] = "cluster_id",
        [SIM_STEP_TOPIC_INFO] = "topic_info",
        [SIM_STEP_TAILS] = "tails",
        [SIM_STEP_READ_BACK] = "read_back",
        [SIM_STEP_ASSIGN] = "assign",
        [SIM_STEP_POLL] = "poll",
        [SIM_STEP_COMMIT_POSITION] = "commit_position",
        [SIM_STEP_PRODUCE] = "produce",
        [SIM_STEP_HURRY] = "hurry",
        [SIM_STEP_DELIVERED] = "delivered",
        [SIM_STEP_RESET_PRODUCER] = "reset_producer",
        [SIM_STEP_FREE_SLOTS] = "free_slots",
        [SIM_STEP_SEND] = "send",
        [SIM_STEP_TAKE] = "take",
    };

    ASSERT(step < SIM_STEP_COUNT);
    return names[step];
}

static void strike(const struct sim_fault *fault, enum sim_strike how)
{
    if (fault->watch) {
        fault->watch->struck(fault->watch->context, how, fault->step);
    }
}

/* How the call that is being made ended. */
static void heard(const struct sim_fault *fault, enum status_kind kind, bool got)
{
    if (fault->watch) {
        fault->watch->heard(fault->watch->context, fault->step, fault->about, kind, got);
    }
}

static STATUS told(const struct sim_fault *fault, struct status st)
{
    heard(fault, st.kind, false);
    return st;
}

/* True when the process is (now) dead. */
static bool hit(struct sim_fault *fault, enum sim_step step, const char *about)
{
    if (fault->dead) {
        return true;
    }
    fault->step = step;
    fault->about = about;
    fault->calls++;
    if ((fault->calls == fault->pause_at || step == fault->pause_step) && fault->pause) {
        fault->pause_step = SIM_STEP_NONE;
        strike(fault, SIM_STRIKE_PAUSE);
        fault->pause(fault->context);
    }
    if (fault->calls == fault->crash_at || step == fault->crash_step) {
        fault->dead = true;
        strike(fault, SIM_STRIKE_CRASH);
    }
    return fault->dead;
}

static STATUS died(struct op *op, const struct sim_fault *fault)
{
    if (!fault->dead) {
        heard(fault, STATUS_RETRY, false);
    }
    return op_fail(op, STATUS_RETRY, "sim.dead", "nothing is heard from here any more");
}

/* ---- Store ---- */

struct fault_store {
    struct store store;
    struct sim_fault *fault;
    struct store *inner;
    bool cut; /* until the next connect */
};

static struct fault_store *store_of(struct store *store)
{
    return (struct fault_store *)(void *)store;
}

static void store_close(struct store *store)
{
    if (store) {
        struct store *inner = store_of(store)->inner;
        inner->ops->close(inner);
        free(store_of(store));
    }
}

/* Fails when this call gets no answer. */
static STATUS reach_store(struct op *op, struct fault_store *self, enum sim_step step,
                          const char *about)
{
    struct sim_fault *fault = self->fault;
    bool dead = hit(fault, step, about);
    if (!dead && fault->store_away) {
        strike(fault, SIM_STRIKE_STORE_AWAY);
        self->cut = true;
    }
    return dead || self->cut ? died(op, fault) : OK;
}

static void store_rollback(struct store *store)
{
    struct fault_store *self = store_of(store);
    if (!hit(self->fault, SIM_STEP_ROLLBACK, NULL)) {
        self->inner->ops->rollback(self->inner); /* of a cut connection too: it is idle then */
        heard(self->fault, STATUS_OK, false);
    }
}

static STATUS store_connect(struct op *op, struct store *store)
{
    struct fault_store *self = store_of(store);
    self->cut = false;
    TRY(reach_store(op, self, SIM_STEP_CONNECT, NULL));
    return told(self->fault, self->inner->ops->connect(op, self->inner));
}

static STATUS store_heartbeat(struct op *op, struct store *store, struct id owner, int64_t lease_ms,
                              struct store_view *ret_view)
{
    struct fault_store *self = store_of(store);
    TRY(reach_store(op, self, SIM_STEP_HEARTBEAT, NULL));
    return told(self->fault,
                self->inner->ops->heartbeat(op, self->inner, owner, lease_ms, ret_view));
}

static STATUS store_retire(struct op *op, struct store *store, struct id owner)
{
    struct fault_store *self = store_of(store);
    TRY(reach_store(op, self, SIM_STEP_RETIRE, NULL));
    return told(self->fault, self->inner->ops->retire(op, self->inner, owner));
}

static STATUS store_claim(struct op *op, struct store *store, const struct store_lane *seen,
                          struct id owner, int64_t *ret_epoch)
{
    struct fault_store *self = store_of(store);
    TRY(reach_store(op, self, SIM_STEP_CLAIM, NULL));
    return told(self->fault, self->inner->ops->claim(op, self->inner, seen, owner, ret_epoch));
}

static STATUS store_release(struct op *op, struct store *store, struct store_lane_ref ref,
                            bool clean)
{
    struct fault_store *self = store_of(store);
    TRY(reach_store(op, self, SIM_STEP_RELEASE, NULL));
    return told(self->fault, self->inner->ops->release(op, self->inner, ref, clean));
}

static STATUS store_stop(struct op *op, struct store *store, struct store_lane_ref ref,
                         struct str reason)
{
    struct fault_store *self = store_of(store);
    TRY(reach_store(op, self, SIM_STEP_STOP, NULL));
    return told(self->fault, self->inner->ops->stop(op, self->inner, ref, reason));
}

static STATUS store_begin(struct op *op, struct store *store, const struct store_lane_ref *refs,
                          uint32_t ref_count, struct store_fence *ret_fence)
{
    struct fault_store *self = store_of(store);
    TRY(reach_store(op, self, SIM_STEP_BEGIN, NULL));
    return told(self->fault, self->inner->ops->begin(op, self->inner, refs, ref_count, ret_fence));
}

static STATUS store_load(struct op *op, struct store *store, const struct table *table,
                         const struct id *keys, uint32_t key_count, struct store_rows *ret_rows)
{
    struct fault_store *self = store_of(store);
    TRY(reach_store(op, self, SIM_STEP_LOAD, table->name));
    return told(self->fault,
                self->inner->ops->load(op, self->inner, table, keys, key_count, ret_rows));
}

static STATUS store_load_children(struct op *op, struct store *store, const struct table *table,
                                  const struct id *parents, uint32_t parent_count,
                                  struct store_rows *ret_rows)
{
    struct fault_store *self = store_of(store);
    TRY(reach_store(op, self, SIM_STEP_LOAD_CHILDREN, table->name));
    return told(self->fault, self->inner->ops->load_children(op, self->inner, table, parents,
                                                             parent_count, ret_rows));
}

static STATUS store_scan(struct op *op, struct store *store, const struct table_scan *scan,
                         const void *like, int64_t bound, uint32_t limit,
                         struct store_rows *ret_rows)
{
    struct fault_store *self = store_of(store);
    TRY(reach_store(op, self, SIM_STEP_SCAN, scan->name));
    return told(self->fault,
                self->inner->ops->scan(op, self->inner, scan, like, bound, limit, ret_rows));
}

static STATUS store_insert(struct op *op, struct store *store, const struct table *table,
                           const void *const *rows, uint32_t row_count)
{
    struct fault_store *self = store_of(store);
    TRY(reach_store(op, self, SIM_STEP_INSERT, table->name));
    if (self->fault->refused_table == table) {
        strike(self->fault, SIM_STRIKE_REFUSED);
        heard(self->fault, self->fault->refused_kind, false);
        return op_fail(op, self->fault->refused_kind, "sim.refused", "%s", table->name);
    }
    return told(self->fault, self->inner->ops->insert(op, self->inner, table, rows, row_count));
}

static STATUS store_update(struct op *op, struct store *store, const struct table *table,
                           const void *const *rows, const int64_t *old_versions, uint32_t row_count)
{
    struct fault_store *self = store_of(store);
    TRY(reach_store(op, self, SIM_STEP_UPDATE, table->name));
    return told(self->fault,
                self->inner->ops->update(op, self->inner, table, rows, old_versions, row_count));
}

static STATUS store_erase(struct op *op, struct store *store, const struct table *table,
                          const void *const *rows, uint32_t row_count)
{
    struct fault_store *self = store_of(store);
    TRY(reach_store(op, self, SIM_STEP_ERASE, table->name));
    return told(self->fault, self->inner->ops->erase(op, self->inner, table, rows, row_count));
}

static STATUS store_touch(struct op *op, struct store *store, const struct store_fence *fence)
{
    struct fault_store *self = store_of(store);
    TRY(reach_store(op, self, SIM_STEP_TOUCH, NULL));
    return told(self->fault, self->inner->ops->touch(op, self->inner, fence));
}

static STATUS store_tell(struct op *op, struct store *store, const struct store_fence *fence)
{
    struct fault_store *self = store_of(store);
    TRY(reach_store(op, self, SIM_STEP_TELL, NULL));
    return told(self->fault, self->inner->ops->tell(op, self->inner, fence));
}

static STATUS store_sync(struct op *op, struct store *store)
{
    struct fault_store *self = store_of(store);
    TRY(reach_store(op, self, SIM_STEP_SYNC, NULL));
    return told(self->fault, self->inner->ops->sync(op, self->inner));
}

static STATUS store_commit(struct op *op, struct store *store)
{
    struct fault_store *self = store_of(store);
    struct sim_fault *fault = self->fault;
    TRY(reach_store(op, self, SIM_STEP_COMMIT, NULL));
    if (++fault->commits != fault->lose_commit_at) {
        return told(fault, self->inner->ops->commit(op, self->inner));
    }
    strike(fault, fault->lose_committed ? SIM_STRIKE_COMMIT_UNSAID : SIM_STRIKE_COMMIT_LOST);
    self->cut = true;
    if (fault->lose_committed) {
        TRY(told(fault, self->inner->ops->commit(op, self->inner)));
    } else {
        self->inner->ops->rollback(self->inner);
    }
    return died(op, fault);
}

static const struct store_ops fault_store_ops = {
    .close = store_close,
    .rollback = store_rollback,
    .connect = store_connect,
    .heartbeat = store_heartbeat,
    .retire = store_retire,
    .claim = store_claim,
    .release = store_release,
    .stop = store_stop,
    .begin = store_begin,
    .load = store_load,
    .load_children = store_load_children,
    .scan = store_scan,
    .insert = store_insert,
    .update = store_update,
    .erase = store_erase,
    .touch = store_touch,
    .tell = store_tell,
    .sync = store_sync,
    .commit = store_commit,
};

struct store *sim_fault_store(struct sim_fault *fault, struct store *inner)
{
    struct fault_store *self = calloc(1, sizeof(*self));
    ASSERT(self);
    self->store.ops = &fault_store_ops;
    self->fault = fault;
    self->inner = inner;
    return &self->store;
}

/* ---- Bus ---- */

struct fault_bus {
    struct bus bus;
    struct sim_fault *fault;
    struct bus *inner;
};

static struct fault_bus *bus_of(struct bus *bus)
{
    return (struct fault_bus *)(void *)bus;
}

static void bus_close(struct bus *bus)
{
    if (bus) {
        struct bus *inner = bus_of(bus)->inner;
        inner->ops->close(inner);
        free(bus_of(bus));
    }
}

/* A dead process's partitions are read by nobody, whatever its wrapper was told. */
static void bus_unassign(struct bus *bus, enum topic topic, int32_t partition)
{
    bus_of(bus)->inner->ops->unassign(bus_of(bus)->inner, topic, partition);
}

static void bus_release(struct bus *bus, struct bus_record *record)
{
    bus_of(bus)->inner->ops->release(bus_of(bus)->inner, record);
}

static void bus_wait(struct bus *bus, int64_t timeout_ms)
{
    bus_of(bus)->inner->ops->wait(bus_of(bus)->inner, timeout_ms);
}

static void bus_rest(struct bus *bus, int64_t timeout_us)
{
    bus_of(bus)->inner->ops->rest(bus_of(bus)->inner, timeout_us);
}

static void bus_wake(struct bus *bus)
{
    bus_of(bus)->inner->ops->wake(bus_of(bus)->inner);
}

static uint32_t bus_in_flight(struct bus *bus)
{
    return bus_of(bus)->inner->ops->in_flight(bus_of(bus)->inner);
}

/* False: nothing is done and nothing is heard. */
static bool is_there(struct fault_bus *self, enum sim_step step, const char *about)
{
    struct sim_fault *fault = self->fault;
    if (hit(fault, step, about)) {
        return false;
    }
    if (fault->bus_away) {
        strike(fault, SIM_STRIKE_BUS_AWAY);
        return false;
    }
    return true;
}

static STATUS reach_bus(struct op *op, struct fault_bus *self, enum sim_step step, enum topic topic)
{
    return is_there(self, step, topology_topics[topic].name) ? OK : died(op, self->fault);
}

static void bus_hurry(struct bus *bus)
{
    struct fault_bus *self = bus_of(bus);
    if (is_there(self, SIM_STEP_HURRY, NULL)) {
        self->inner->ops->hurry(self->inner);
        heard(self->fault, STATUS_OK, false);
    }
}

static void bus_commit_position(struct bus *bus, enum topic topic, int32_t partition,
                                int64_t next_offset)
{
    struct fault_bus *self = bus_of(bus);
    if (is_there(self, SIM_STEP_COMMIT_POSITION, topology_topics[topic].name)) {
        self->inner->ops->commit_position(self->inner, topic, partition, next_offset);
        heard(self->fault, STATUS_OK, false);
    }
}

/* While no broker answers there is simply nothing to be read. */
static STATUS bus_poll(struct op *op, struct bus *bus, struct bus_record *ret_record, bool *ret_got)
{
    struct fault_bus *self = bus_of(bus);
    *ret_got = false;
    if (!is_there(self, SIM_STEP_POLL, NULL)) {
        return self->fault->dead ? died(op, self->fault) : OK;
    }
    struct status st = self->inner->ops->poll(op, self->inner, ret_record, ret_got);
    self->fault->about = *ret_got ? topology_topics[ret_record->topic].name : NULL;
    heard(self->fault, st.kind, *ret_got);
    return st;
}

static bool bus_delivered(struct bus *bus, struct bus_delivery *ret_delivery)
{
    struct fault_bus *self = bus_of(bus);
    if (!is_there(self, SIM_STEP_DELIVERED, NULL)) {
        return false;
    }
    bool got = self->inner->ops->delivered(self->inner, ret_delivery);
    self->fault->about = got ? topology_topics[ret_delivery->topic].name : NULL;
    heard(self->fault, STATUS_OK, got);
    return got;
}

static STATUS bus_cluster_id(struct op *op, struct bus *bus, struct str *ret_id)
{
    struct fault_bus *self = bus_of(bus);
    TRY(is_there(self, SIM_STEP_CLUSTER_ID, NULL) ? OK : died(op, self->fault));
    return told(self->fault, self->inner->ops->cluster_id(op, self->inner, ret_id));
}

static STATUS bus_topic_info(struct op *op, struct bus *bus, enum topic topic,
                             struct bus_topic_info *ret_info)
{
    struct fault_bus *self = bus_of(bus);
    TRY(reach_bus(op, self, SIM_STEP_TOPIC_INFO, topic));
    return told(self->fault, self->inner->ops->topic_info(op, self->inner, topic, ret_info));
}

static STATUS bus_tails(struct op *op, struct bus *bus, const enum topic *topics,
                        uint32_t topic_count, int32_t partition, struct bus_tail *ret_tails)
{
    struct fault_bus *self = bus_of(bus);
    TRY(is_there(self, SIM_STEP_TAILS, NULL) ? OK : died(op, self->fault));
    return told(self->fault, self->inner->ops->tails(op, self->inner, topics, topic_count,
                                                     partition, ret_tails));
}

static STATUS bus_read_back(struct op *op, struct bus *bus, const struct bus_range *range,
                            struct bus_record *ret_records)
{
    struct fault_bus *self = bus_of(bus);
    TRY(reach_bus(op, self, SIM_STEP_READ_BACK, range->topic));
    return told(self->fault, self->inner->ops->read_back(op, self->inner, range, ret_records));
}

/* Says what is to be fetched, to nobody but this process itself. */
static STATUS bus_assign(struct op *op, struct bus *bus, enum topic topic, int32_t partition,
                         int64_t offset)
{
    struct fault_bus *self = bus_of(bus);
    if (hit(self->fault, SIM_STEP_ASSIGN, topology_topics[topic].name)) {
        return died(op, self->fault);
    }
    return told(self->fault, self->inner->ops->assign(op, self->inner, topic, partition, offset));
}

static STATUS bus_produce(struct op *op, struct bus *bus, const struct bus_message *message)
{
    struct fault_bus *self = bus_of(bus);
    TRY(reach_bus(op, self, SIM_STEP_PRODUCE, message->topic));
    return told(self->fault, self->inner->ops->produce(op, self->inner, message));
}

static STATUS bus_reset_producer(struct op *op, struct bus *bus)
{
    struct fault_bus *self = bus_of(bus);
    if (hit(self->fault, SIM_STEP_RESET_PRODUCER, NULL)) {
        return died(op, self->fault);
    }
    return told(self->fault, self->inner->ops->reset_producer(op, self->inner));
}

static const struct bus_ops fault_bus_ops = {
    .close = bus_close,
    .unassign = bus_unassign,
    .release = bus_release,
    .wait = bus_wait,
    .rest = bus_rest,
    .wake = bus_wake,
    .hurry = bus_hurry,
    .commit_position = bus_commit_position,
    .poll = bus_poll,
    .delivered = bus_delivered,
    .in_flight = bus_in_flight,
    .cluster_id = bus_cluster_id,
    .topic_info = bus_topic_info,
    .tails = bus_tails,
    .read_back = bus_read_back,
    .assign = bus_assign,
    .produce = bus_produce,
    .reset_producer = bus_reset_producer,
};

struct bus *sim_fault_bus(struct sim_fault *fault, struct bus *inner)
{
    struct fault_bus *self = calloc(1, sizeof(*self));
    ASSERT(self);
    self->bus.ops = &fault_bus_ops;
    self->fault = fault;
    self->inner = inner;
    return &self->bus;
}

/* ---- Caller ---- */

static struct sim_fault_caller *caller_of(struct caller *caller)
{
    return (struct sim_fault_caller *)(void *)caller;
}

static uint32_t caller_free_slots(struct caller *caller)
{
    struct sim_fault_caller *self = caller_of(caller);
    if (hit(self->fault, SIM_STEP_FREE_SLOTS, NULL)) {
        return 0;
    }
    uint32_t count = self->inner->ops->free_slots(self->inner);
    heard(self->fault, STATUS_OK, count > 0);
    return count;
}

static bool caller_send(struct caller *caller, const struct caller_call *call)
{
    struct sim_fault_caller *self = caller_of(caller);
    if (hit(self->fault, SIM_STEP_SEND, NULL)) {
        return false;
    }
    bool sent = self->inner->ops->send(self->inner, call);
    heard(self->fault, STATUS_OK, sent);
    return sent;
}

static bool caller_take(struct caller *caller, uint32_t thread, struct caller_answer *ret_answer)
{
    struct sim_fault_caller *self = caller_of(caller);
    if (hit(self->fault, SIM_STEP_TAKE, NULL)) {
        return false;
    }
    bool got = self->inner->ops->take(self->inner, thread, ret_answer);
    heard(self->fault, STATUS_OK, got);
    return got;
}

static void caller_release(struct caller *caller, struct caller_answer *answer)
{
    caller_of(caller)->inner->ops->release(caller_of(caller)->inner, answer);
}

static const struct caller_ops fault_caller_ops = {
    .free_slots = caller_free_slots,
    .send = caller_send,
    .take = caller_take,
    .release = caller_release,
};

struct caller *sim_fault_caller_init(struct sim_fault_caller *caller, struct sim_fault *fault,
                                     struct caller *inner)
{
    *caller = (struct sim_fault_caller){
        .caller = {.ops = &fault_caller_ops}, .fault = fault, .inner = inner};
    return &caller->caller;
}
