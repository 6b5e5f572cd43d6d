-- Has this account, whoever it is, more deals than the newest among which a stream's beginning looks?
-- $1 account uuid
-- $2 window_rows integer
-- returns 1 row
SELECT
  EXISTS (SELECT FROM escrow_view WHERE marketplace_id = $1 AND state > 0
    ORDER BY created_at_us DESC, id DESC OFFSET $2 LIMIT 1)
  OR EXISTS (SELECT FROM escrow_view WHERE buyer_id = $1 AND state > 0
    ORDER BY created_at_us DESC, id DESC OFFSET $2 LIMIT 1)
  OR EXISTS (SELECT FROM escrow_view WHERE seller_id = $1 AND state > 0
    ORDER BY created_at_us DESC, id DESC OFFSET $2 LIMIT 1)
  OR EXISTS (SELECT FROM escrow_view WHERE arbiter_id = $1 AND state > 0 AND arbiter_id <> '00000000-0000-0000-0000-000000000000'
    ORDER BY created_at_us DESC, id DESC OFFSET $2 LIMIT 1) AS beyond;
