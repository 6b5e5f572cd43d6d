-- What was stored under these ids.
-- $1 ids uuid[]
-- returns rows
SELECT id, content FROM intake WHERE id = ANY($1)
