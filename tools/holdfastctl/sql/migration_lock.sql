-- One migrator at a time; held until the session ends. Waits at most the session's lock_timeout.
-- returns 1 row
SELECT pg_advisory_lock(hashtext('holdfast.migrate'), hashtext(current_setting('holdfast.service'))) IS NULL
  AS locked;
