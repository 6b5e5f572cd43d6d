-- Escrows, the latest change first. state 0: all. attention: only those that wait for staff.
-- $1 state smallint
-- $2 escalated smallint
-- $3 attention boolean
-- $4 row_limit integer
-- returns rows
SELECT * FROM (
  SELECT id, state, price_minor, currency, received_minor, buyer_id, seller_id, updated_at_us,
    payout_failed_minor > 0 OR refund_failed_minor > 0 OR payment_setup_failed OR foreign_money OR state = $2 AS attention
  FROM escrow
) e WHERE ($1 = 0 OR state = $1) AND (attention OR NOT $3)
ORDER BY updated_at_us DESC, id LIMIT $4;
