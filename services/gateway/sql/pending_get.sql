-- A creation that was taken in, and what became of it: outcome 0 none yet, 1 accepted, 2 rejected.
-- $1 id uuid
-- returns 0..1 row
SELECT p.id, p.command_id, p.marketplace_id, p.buyer_id, p.seller_id, p.currency, p.price_minor, p.seller_account,
  p.arbiter_id, p.arbiter_key,
  p.funding_seconds, p.delivery_seconds, p.inspection_seconds, p.buyer_fee_basis_points, p.buyer_fee_fixed_minor,
  p.seller_fee_basis_points, p.seller_fee_fixed_minor, p.buyer_fee_refundable, p.description, p.milestones, p.created_at_us, i.outcome,
  i.outcome_code, i.outcome_sentence
FROM escrow_pending AS p JOIN intake AS i ON i.id = p.command_id WHERE p.id = $1;
