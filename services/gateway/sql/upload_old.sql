-- The oldest uploads whose command was decided, or never came: they are of use to nobody.
-- $1 kept_s integer
-- $2 row_limit integer
-- returns rows
SELECT u.command_id, u.content FROM evidence_upload u
WHERE u.stored_at < now() - make_interval(secs => $1) AND NOT EXISTS (SELECT FROM intake i WHERE i.id = u.command_id AND i.open)
ORDER BY u.stored_at LIMIT $2;
