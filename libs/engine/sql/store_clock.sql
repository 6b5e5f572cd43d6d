-- How far sandbox time is ahead.
-- returns 1 row
SELECT offset_us FROM clock
