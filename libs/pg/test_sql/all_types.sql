-- Gives back what it gets.
-- $1 a uuid
-- $2 b bigint
-- $3 c integer
-- $4 d smallint
-- $5 e boolean
-- $6 f text
-- $7 g bytea
-- returns 1 row
SELECT $1 AS a, $2 AS b, $3 AS c, $4 AS d, $5 AS e, $6 AS f, $7 AS g, NULL::bigint AS nothing
