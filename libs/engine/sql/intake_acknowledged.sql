-- Kafka has these: publish them again only if their outcome does not come. A row that is locked is being closed or
-- published again right now by its lane, which must not wait for us. Rows are found by their ids, then by where they lie:
-- by the index of open rows, or by a join, all of them would be looked at, with what is dead and not yet vacuumed.
-- $1 ids uuid[]
-- $2 due_after_us bigint
-- returns nothing
UPDATE intake SET due_at_us = now_us() + $2 WHERE ctid = ANY (ARRAY(
  SELECT i.ctid FROM intake i WHERE i.id = ANY($1) AND i.outcome = 0 FOR UPDATE OF i SKIP LOCKED))
