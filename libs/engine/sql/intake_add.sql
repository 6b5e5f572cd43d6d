-- A group of requests that nobody has sent before, which is what nearly all of them are: an id that is there already
-- fails the statement, and the group is stored the longer way. Times are this database's.
-- $1 ids uuid[]
-- $2 lanes integer[]
-- $3 topics text[]
-- $4 keys uuid[]
-- $5 types text[]
-- $6 payloads bytea[]
-- $7 contents bytea[]
-- $8 accounts uuid[]
-- $9 due_after_us bigint
-- returns nothing
INSERT INTO intake (id, lane, topic, key, type, payload, content, account, created_at_us, due_at_us, attempts, open,
  outcome, outcome_code, outcome_sentence, closed_at_us)
SELECT n.id, n.lane, n.topic, n.key, n.type, n.payload, n.content, n.account, c.now, c.now + $9, 0, true, 0, '', '', 0
FROM (SELECT now_us() AS now) c, (SELECT unnest($1) AS id, unnest($2) AS lane, unnest($3) AS topic, unnest($4) AS key,
  unnest($5) AS type, unnest($6) AS payload, unnest($7) AS content, unnest($8) AS account) n
