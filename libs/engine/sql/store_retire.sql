-- $1 owner uuid
-- returns nothing
DELETE FROM owner WHERE id = $1
