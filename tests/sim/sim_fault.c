/* Forwarding with a counter. One function for each port call: each is a place to die at. */
#include "sim_fault.h"

#include <stdlib.h>

#include "base/assert.h"

/* True when the process is (now) dead. */
static bool hit(struct sim_fault *fault)
{
    if (fault->dead) {
        return true;
    }
    fault->calls++;
    if (fault->calls == fault->pause_at && fault->pause) {
        fault->pause(fault->context);
    }
    fault->dead = fault->calls == fault->crash_at;
    return fault->dead;
}

static STATUS died(struct op *op)
{
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

/* True when this call gets no answer. */
static bool gone(struct fault_store *self)
{
    bool dead = hit(self->fault);
    self->cut |= self->fault->store_away;
    return dead || self->cut;
}

static void store_rollback(struct store *store)
{
    struct fault_store *self = store_of(store);
    if (!hit(self->fault)) {
        self->inner->ops->rollback(self->inner); /* of a cut connection too: it is idle then */
    }
}

static STATUS store_connect(struct op *op, struct store *store)
{
    struct fault_store *self = store_of(store);
    if (hit(self->fault) || self->fault->store_away) {
        return died(op);
    }
    self->cut = false;
    return self->inner->ops->connect(op, self->inner);
}

static STATUS store_heartbeat(struct op *op, struct store *store, struct id owner, int64_t lease_ms,
                              struct store_view *ret_view)
{
    struct fault_store *self = store_of(store);
    return gone(self) ? died(op)
                      : self->inner->ops->heartbeat(op, self->inner, owner, lease_ms, ret_view);
}

static STATUS store_retire(struct op *op, struct store *store, struct id owner)
{
    struct fault_store *self = store_of(store);
    return gone(self) ? died(op) : self->inner->ops->retire(op, self->inner, owner);
}

static STATUS store_claim(struct op *op, struct store *store, const struct store_lane *seen,
                          struct id owner, int64_t *ret_epoch)
{
    struct fault_store *self = store_of(store);
    return gone(self) ? died(op) : self->inner->ops->claim(op, self->inner, seen, owner, ret_epoch);
}

static STATUS store_release(struct op *op, struct store *store, struct store_lane_ref ref,
                            bool clean)
{
    struct fault_store *self = store_of(store);
    return gone(self) ? died(op) : self->inner->ops->release(op, self->inner, ref, clean);
}

static STATUS store_stop(struct op *op, struct store *store, struct store_lane_ref ref,
                         struct str reason)
{
    struct fault_store *self = store_of(store);
    return gone(self) ? died(op) : self->inner->ops->stop(op, self->inner, ref, reason);
}

static STATUS store_begin(struct op *op, struct store *store, const struct store_lane_ref *refs,
                          uint32_t ref_count, struct store_fence *ret_fence)
{
    struct fault_store *self = store_of(store);
    return gone(self) ? died(op)
                      : self->inner->ops->begin(op, self->inner, refs, ref_count, ret_fence);
}

static STATUS store_load(struct op *op, struct store *store, const struct table *table,
                         const struct id *keys, uint32_t key_count, struct store_rows *ret_rows)
{
    struct fault_store *self = store_of(store);
    return gone(self) ? died(op)
                      : self->inner->ops->load(op, self->inner, table, keys, key_count, ret_rows);
}

static STATUS store_load_children(struct op *op, struct store *store, const struct table *table,
                                  const struct id *parents, uint32_t parent_count,
                                  struct store_rows *ret_rows)
{
    struct fault_store *self = store_of(store);
    return gone(self) ? died(op)
                      : self->inner->ops->load_children(op, self->inner, table, parents,
                                                        parent_count, ret_rows);
}

static STATUS store_scan(struct op *op, struct store *store, const struct table_scan *scan,
                         const void *like, int64_t bound, uint32_t limit,
                         struct store_rows *ret_rows)
{
    struct fault_store *self = store_of(store);
    return gone(self) ? died(op)
                      : self->inner->ops->scan(op, self->inner, scan, like, bound, limit, ret_rows);
}

static STATUS store_insert(struct op *op, struct store *store, const struct table *table,
                           const void *const *rows, uint32_t row_count)
{
    struct fault_store *self = store_of(store);
    if (gone(self)) {
        return died(op);
    }
    if (self->fault->refused_table == table) {
        return op_fail(op, self->fault->refused_kind, "sim.refused", "%s", table->name);
    }
    return self->inner->ops->insert(op, self->inner, table, rows, row_count);
}

static STATUS store_update(struct op *op, struct store *store, const struct table *table,
                           const void *const *rows, const int64_t *old_versions, uint32_t row_count)
{
    struct fault_store *self = store_of(store);
    return gone(self)
               ? died(op)
               : self->inner->ops->update(op, self->inner, table, rows, old_versions, row_count);
}

static STATUS store_erase(struct op *op, struct store *store, const struct table *table,
                          const void *const *rows, uint32_t row_count)
{
    struct fault_store *self = store_of(store);
    return gone(self) ? died(op) : self->inner->ops->erase(op, self->inner, table, rows, row_count);
}

static STATUS store_touch(struct op *op, struct store *store, const struct store_fence *fence)
{
    struct fault_store *self = store_of(store);
    return gone(self) ? died(op) : self->inner->ops->touch(op, self->inner, fence);
}

static STATUS store_tell(struct op *op, struct store *store, const struct store_fence *fence)
{
    struct fault_store *self = store_of(store);
    return gone(self) ? died(op) : self->inner->ops->tell(op, self->inner, fence);
}

static STATUS store_sync(struct op *op, struct store *store)
{
    struct fault_store *self = store_of(store);
    return gone(self) ? died(op) : self->inner->ops->sync(op, self->inner);
}

static STATUS store_commit(struct op *op, struct store *store)
{
    struct fault_store *self = store_of(store);
    if (gone(self)) {
        return died(op);
    }
    if (++self->fault->commits != self->fault->lose_commit_at) {
        return self->inner->ops->commit(op, self->inner);
    }
    self->cut = true;
    if (self->fault->lose_committed) {
        TRY(self->inner->ops->commit(op, self->inner));
    } else {
        self->inner->ops->rollback(self->inner);
    }
    return died(op);
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

static void bus_hurry(struct bus *bus)
{
    struct fault_bus *self = bus_of(bus);
    if (!hit(self->fault)) {
        self->inner->ops->hurry(self->inner);
    }
}

static void bus_wake(struct bus *bus)
{
    bus_of(bus)->inner->ops->wake(bus_of(bus)->inner);
}

static void bus_commit_position(struct bus *bus, enum topic topic, int32_t partition,
                                int64_t next_offset)
{
    struct fault_bus *self = bus_of(bus);
    if (!hit(self->fault)) {
        self->inner->ops->commit_position(self->inner, topic, partition, next_offset);
    }
}

/* True when this call gets no answer. */
static bool unheard(struct fault_bus *self)
{
    return hit(self->fault) || self->fault->bus_away;
}

static STATUS bus_poll(struct op *op, struct bus *bus, struct bus_record *ret_record, bool *ret_got)
{
    struct fault_bus *self = bus_of(bus);
    if (self->fault->bus_away) {
        *ret_got = false;
        return OK;
    }
    if (hit(self->fault)) {
        *ret_got = false;
        return died(op);
    }
    return self->inner->ops->poll(op, self->inner, ret_record, ret_got);
}

static bool bus_delivered(struct bus *bus, struct bus_delivery *ret_delivery)
{
    struct fault_bus *self = bus_of(bus);
    return !unheard(self) && self->inner->ops->delivered(self->inner, ret_delivery);
}

static uint32_t bus_in_flight(struct bus *bus)
{
    return bus_of(bus)->inner->ops->in_flight(bus_of(bus)->inner);
}

static STATUS bus_cluster_id(struct op *op, struct bus *bus, struct str *ret_id)
{
    struct fault_bus *self = bus_of(bus);
    return unheard(self) ? died(op) : self->inner->ops->cluster_id(op, self->inner, ret_id);
}

static STATUS bus_topic_info(struct op *op, struct bus *bus, enum topic topic,
                             struct bus_topic_info *ret_info)
{
    struct fault_bus *self = bus_of(bus);
    return unheard(self) ? died(op)
                         : self->inner->ops->topic_info(op, self->inner, topic, ret_info);
}

static STATUS bus_tails(struct op *op, struct bus *bus, const enum topic *topics,
                        uint32_t topic_count, int32_t partition, struct bus_tail *ret_tails)
{
    struct fault_bus *self = bus_of(bus);
    return unheard(self) ? died(op)
                         : self->inner->ops->tails(op, self->inner, topics, topic_count, partition,
                                                   ret_tails);
}

static STATUS bus_assign(struct op *op, struct bus *bus, enum topic topic, int32_t partition,
                         int64_t offset)
{
    struct fault_bus *self = bus_of(bus);
    return hit(self->fault) ? died(op)
                            : self->inner->ops->assign(op, self->inner, topic, partition, offset);
}

static STATUS bus_produce(struct op *op, struct bus *bus, const struct bus_message *message)
{
    struct fault_bus *self = bus_of(bus);
    return unheard(self) ? died(op) : self->inner->ops->produce(op, self->inner, message);
}

static STATUS bus_reset_producer(struct op *op, struct bus *bus)
{
    struct fault_bus *self = bus_of(bus);
    return hit(self->fault) ? died(op) : self->inner->ops->reset_producer(op, self->inner);
}

static const struct bus_ops fault_bus_ops = {
    .close = bus_close,
    .unassign = bus_unassign,
    .release = bus_release,
    .wait = bus_wait,
    .wake = bus_wake,
    .hurry = bus_hurry,
    .commit_position = bus_commit_position,
    .poll = bus_poll,
    .delivered = bus_delivered,
    .in_flight = bus_in_flight,
    .cluster_id = bus_cluster_id,
    .topic_info = bus_topic_info,
    .tails = bus_tails,
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
    return hit(self->fault) ? 0 : self->inner->ops->free_slots(self->inner);
}

static bool caller_send(struct caller *caller, const struct caller_call *call)
{
    struct sim_fault_caller *self = caller_of(caller);
    return !hit(self->fault) && self->inner->ops->send(self->inner, call);
}

static bool caller_take(struct caller *caller, uint32_t thread, struct caller_answer *ret_answer)
{
    struct sim_fault_caller *self = caller_of(caller);
    return !hit(self->fault) && self->inner->ops->take(self->inner, thread, ret_answer);
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
