-- A registration that was taken in, and what became of it: outcome 0 none yet, 1 accepted, 2 rejected.
-- $1 id uuid
-- returns 0..1 row
SELECT p.id, p.marketplace_id, p.display_name, p.discord_id, p.created_at_us, p.created_at_us AS updated_at_us,
  i.outcome, i.outcome_code, i.outcome_sentence
FROM account_pending AS p JOIN intake AS i ON i.id = p.command_id WHERE p.id = $1;
