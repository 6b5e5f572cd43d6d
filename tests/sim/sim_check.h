#pragma once

#include "sim_discord.h"
#include "sim_place.h"
#include "sim_stripe.h"
#include "sim_traffic.h"
#include "sim_verdict.h"

/*
 * The invariants, held against the rows, the records and what the outside really did. The sums of
 * money are the provider's, counted anew; nothing that the product computed is trusted.
 */

struct sim_check;

/* discord and traffic may be NULL: their rules are then left out. All are borrowed. */
struct sim_check *sim_check_new(const struct sim_place *place, struct sim_stripe *stripe,
                                struct sim_discord *discord, const struct sim_traffic *traffic);
void sim_check_free(struct sim_check *check);

/* What must hold at every moment. Looks at what is new since the last call: cheap. */
void sim_check_always(struct sim_check *check, struct sim_verdict *verdict);
/* What the provider has made since the last call must have been committed before it was asked for: to be
 * called before whoever asked has another turn. */
void sim_check_calls(struct sim_check *check, struct sim_verdict *verdict);
/* What people could read since the last call went to the account that they are linked to, and was not settled
 * before: to be called in every turn, for it remembers where people were in the last one. judges: or
 * only remembers, while a database is behind. */
void sim_check_said(struct sim_check *check, bool judges, struct sim_verdict *verdict);
/* Before Kafka loses something: looks at what has been published, whatever becomes of it. */
void sim_check_losing(struct sim_check *check, struct sim_verdict *verdict);
/* The service that owns this name; SIM_SERVICE_COUNT: none. */
enum sim_service check_service(const char *name);
/* This service may leave out this message: an older replica of it met it, and did not know its type (R10). */
void sim_check_unheard(struct sim_check *check, enum sim_service service, struct id message_id);
/* A database was put back to an earlier moment: look at everything anew, as if for the first time. */
void sim_check_forget(struct sim_check *check);
/* The database of payments was put back now: it may have lost calls that it had made, and what it reads again may
 * come in another order. */
void sim_check_reads_again(struct sim_check *check);
/* Requests enter a service here: what was taken is held against its rows. The door is borrowed. */
void sim_check_door(struct sim_check *check, const struct intake *door);
/* This database was put back now, to what it was at backup_at_us (mono): requests that it has taken since and that
 * nobody else has heard of are lost. */
void sim_check_put_back(struct sim_check *check, enum sim_service service, int64_t backup_at_us);
/* Payments read a webhook about this key again before the command that it is about: a person drops it
 * (docs/operations.md). */
bool sim_check_is_out_of_order(const struct sim_check *check, enum sim_service service,
                               struct id key);
/* A restored database has decisions about this key to make again, which wait behind something that nobody but
 * a person can settle (docs/reliability.md). */
bool sim_check_is_frozen(struct sim_check *check, enum sim_service service, struct id key);
/* Once faults have stopped: whether nothing more will happen by itself before a deal's next clock, or
 * a person, moves it. Cheap enough to ask often. */
bool sim_check_is_quiet(struct sim_check *check);
/* Discord is away, or back: what waits for it makes nothing unquiet, and what still waits when it is back and is not
 * too old must be sent by the end. */
void sim_check_without_discord(struct sim_check *check, bool away);
/* Everything, at the end: what must hold at every moment, over all rows and records, and what must
 * hold once all is drained. */
void sim_check_end(struct sim_check *check, struct sim_verdict *verdict);
