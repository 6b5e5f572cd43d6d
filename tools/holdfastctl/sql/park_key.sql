-- One parked key.
-- $1 key uuid
-- returns 0..1 row
SELECT lane, reason, missing, since_us FROM parked_key WHERE key = $1;
