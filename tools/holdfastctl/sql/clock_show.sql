-- How far the service's sandbox time is ahead, and what it calls now.
-- returns 1 row
SELECT offset_us, now_us() + offset_us AS now_us FROM clock;
