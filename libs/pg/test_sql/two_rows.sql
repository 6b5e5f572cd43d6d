-- Lies about itself.
-- returns 1 row
SELECT generate_series(1, 2) AS n
