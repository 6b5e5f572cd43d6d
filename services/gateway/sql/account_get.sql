-- A user.
-- $1 id uuid
-- returns 0..1 row
SELECT id, marketplace_id, display_name, discord_id, created_at_us, updated_at_us FROM account WHERE id = $1;
