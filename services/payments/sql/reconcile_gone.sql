-- Lines of this time that were not read this time: the provider has them no more.
-- $1 n bigint
-- $2 from_us bigint
-- $3 to_us bigint
-- returns nothing
UPDATE balance_line SET gone = true WHERE at_us >= $2 AND at_us < $3 AND seen_n <> $1 AND NOT gone
