-- The read models of some escrows.
-- $1 ids uuid[]
-- returns rows
SELECT id, seq, state, currency, price_minor, received_minor, held_minor, disputed_minor, suspense_minor, due_seller_minor,
  due_buyer_minor, paid_out_minor, refunded_minor, fee_deferred_minor, fee_minor, released_minor, returned_minor, split_number, split_by,
  split_seller_minor, split_buyer_minor, payout_failed_minor, refund_failed_minor,
  payment_setup_failed, foreign_money, marketplace_id, buyer_id, seller_id, arbiter_id, arbiter_key, dispute_number, docket, seller_account, funding_seconds, delivery_seconds,
  inspection_seconds, buyer_fee_basis_points, buyer_fee_fixed_minor, seller_fee_basis_points, seller_fee_fixed_minor,
  buyer_fee_refundable, deadline_at_us, deadline_state, description, milestones, payment_ref, payment_client_secret, created_at_us,
  updated_at_us
FROM escrow_view WHERE id = ANY($1) AND state > 0;
