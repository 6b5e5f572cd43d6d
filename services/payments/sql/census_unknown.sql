-- How old the oldest call is of which nobody knows whether it moved money; 0: there is none.
-- $1 effects_of_a_rail integer
-- $2 last_that_moves integer
-- returns 1 row
SELECT coalesce(max(now_us() + c.offset_us - e.caused_at_us), 0) AS age_us
FROM effect e CROSS JOIN clock c WHERE e.open AND e.state = 5 AND e.kind % $1 <= $2
