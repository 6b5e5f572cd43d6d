-- $1 id uuid
-- returns 0..1 row
SELECT note FROM thing WHERE id = $1
