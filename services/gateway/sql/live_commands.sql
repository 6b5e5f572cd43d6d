-- Commands and their outcomes: 0 none yet, 1 accepted, 2 rejected.
-- $1 ids uuid[]
-- returns rows
SELECT id, topic, key, type, account, created_at_us, outcome, outcome_code, outcome_sentence, closed_at_us
FROM intake WHERE id = ANY($1);
