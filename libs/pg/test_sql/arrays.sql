-- Lengths and sums of arrays.
-- $1 a uuid[]
-- $2 b bigint[]
-- $3 c integer[]
-- $4 d smallint[]
-- $5 e text[]
-- $6 f bytea[]
-- returns 1 row
SELECT cardinality($1) AS a, (SELECT sum(x)::bigint FROM unnest($2) x) AS b,
  (SELECT sum(x)::bigint FROM unnest($3) x) AS c, (SELECT sum(x)::bigint FROM unnest($4) x) AS d,
  array_to_string($5, '|') AS e, $6[2] AS f, $1[2] AS g
