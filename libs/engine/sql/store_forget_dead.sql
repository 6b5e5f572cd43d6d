-- Owners that died, hold no lane any more, and whose lease ended long ago.
-- $1 dead_for_us bigint
-- returns nothing
DELETE FROM owner WHERE id IN (
  SELECT o.id FROM owner o
  WHERE o.lease_until_us < now_us() - $1 AND NOT EXISTS (SELECT FROM lane l WHERE l.owner = o.id)
  FOR UPDATE OF o SKIP LOCKED)
