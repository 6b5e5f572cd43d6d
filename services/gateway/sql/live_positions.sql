-- How far each lane has come: the position of a reader who sees what this snapshot sees.
-- returns rows
SELECT p, last_at_us FROM lane ORDER BY p;
