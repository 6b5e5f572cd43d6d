-- Nobody stores or removes these bytes until the transaction ends.
-- $1 content bytea
-- returns 1 row
SELECT pg_advisory_xact_lock(hashtextextended(encode($1, 'hex'), 0)) IS NULL AS locked;
