-- Raised by every change of what is known about a deal's payments.
-- $1 escrow_id uuid
-- returns 0..1 row
SELECT version FROM payment WHERE escrow_id = $1;
