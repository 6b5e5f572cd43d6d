-- A command and its outcome: 0 none yet, 1 accepted, 2 rejected.
-- $1 id uuid
-- returns 0..1 row
SELECT id, topic, key, type, account, created_at_us, outcome, outcome_code, outcome_sentence, closed_at_us
FROM intake WHERE id = $1;
