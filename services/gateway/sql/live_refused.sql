-- Those among these rejected requests that would have created a deal, if it is not there by another.
-- $1 ids uuid[]
-- returns rows
SELECT p.id, p.command_id, p.marketplace_id, p.buyer_id, p.seller_id, p.currency, p.price_minor, p.seller_account,
  p.arbiter_id, p.arbiter_key,
  p.funding_seconds, p.delivery_seconds, p.inspection_seconds, p.buyer_fee_basis_points, p.buyer_fee_fixed_minor,
  p.seller_fee_basis_points, p.seller_fee_fixed_minor, p.buyer_fee_refundable, p.description, p.milestones, p.created_at_us, i.outcome,
  i.outcome_code, i.outcome_sentence
FROM intake AS i JOIN escrow_pending AS p ON p.id = i.key AND p.command_id = i.id
WHERE i.id = ANY($1) AND NOT EXISTS (SELECT FROM escrow_view AS v WHERE v.id = p.id AND v.state > 0);
