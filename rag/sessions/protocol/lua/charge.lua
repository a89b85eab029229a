--include part_buckets
-- KEYS: buckets. ARGV: of each, the µs between two tokens and the most tokens.
-- Returns as `charged` does.
return {charged(1, #KEYS, 1)}
