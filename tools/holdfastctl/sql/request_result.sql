-- What became of a wish.
-- $1 id uuid
-- returns 0..1 row
SELECT open, result FROM admin_request WHERE id = $1;
