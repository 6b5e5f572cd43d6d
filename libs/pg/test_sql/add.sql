-- Adds a row to the test's own table.
-- $1 id uuid
-- $2 note text
-- returns nothing
INSERT INTO thing (id, note) VALUES ($1, $2)
