-- Commands of an account that nobody has decided yet, the newest first.
-- $1 account uuid
-- $2 row_limit integer
-- returns rows
SELECT id, topic, key, type, account, created_at_us, outcome, outcome_code, outcome_sentence, closed_at_us
FROM intake WHERE account = $1 AND open ORDER BY created_at_us DESC LIMIT $2;
