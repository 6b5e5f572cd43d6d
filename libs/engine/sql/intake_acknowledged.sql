-- Kafka has these: publish them again only if their outcome does not come. A row that is locked is being closed or
-- published again right now by its lane, which must not wait for us. Open is said by the outcome, so that the rows are
-- found by their ids: by the index of open rows, all of them would be looked at, with what is dead and not yet vacuumed.
-- $1 ids uuid[]
-- $2 due_after_us bigint
-- returns nothing
UPDATE intake SET due_at_us = now_us() + $2 WHERE id IN (
  SELECT i.id FROM intake i WHERE i.id = ANY($1) AND i.outcome = 0 FOR UPDATE OF i SKIP LOCKED)
