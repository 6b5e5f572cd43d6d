-- Escrows, the latest change first. state 0: all.
-- $1 state smallint
-- $2 row_limit integer
-- returns rows
SELECT id, state, price_minor, currency, received_minor, buyer_id, seller_id, updated_at_us,
  payout_failed_minor > 0 OR refund_failed_minor > 0 OR payment_setup_failed OR foreign_money AS attention
FROM escrow WHERE $1 = 0 OR state = $1
ORDER BY updated_at_us DESC, id LIMIT $2;
