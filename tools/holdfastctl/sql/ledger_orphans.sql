-- History without an escrow, and ledger lines without their transition.
-- returns 1 row
SELECT
  (SELECT count(*) FROM transition t WHERE NOT EXISTS (SELECT FROM escrow e WHERE e.id = t.escrow_id)) AS transitions,
  (SELECT count(*) FROM transfer l WHERE NOT EXISTS (SELECT FROM transition t WHERE t.escrow_id = l.escrow_id AND t.seq = l.seq)) AS transfers;
