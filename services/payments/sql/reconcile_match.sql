-- Legs that agree with the provider's books need not be compared again.
-- $1 to_us bigint
-- returns nothing
UPDATE settled_leg t SET matched = true WHERE NOT matched AND taken_at_us <= $1
AND NOT EXISTS (SELECT FROM reconciliation_break b WHERE b.leg_id = t.leg_id AND b.state = 1)
