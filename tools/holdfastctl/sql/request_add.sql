-- Leaves a wish for the owner of a lane. Without a name it is the database role's.
-- $1 id uuid
-- $2 lane integer
-- $3 kind smallint
-- $4 key uuid
-- $5 topic text
-- $6 n bigint
-- $7 verdict smallint
-- $8 answer text
-- $9 content bytea
-- $10 reason text
-- $11 requested_by text
-- $12 approved_by text
-- returns nothing
INSERT INTO admin_request (id, lane, kind, key, topic, n, verdict, answer, content, reason, requested_by, approved_by,
  created_at_us, open, result, done_at_us)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, CASE WHEN $11 = '' THEN session_user::text ELSE $11 END, $12,
  (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, true, '', 0);
