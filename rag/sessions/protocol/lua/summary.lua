-- Keep a summary of a session's older turns. KEYS: session. ARGV: summary, how many turns it covers.
-- Returns 0 if there is no such session.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'summary', ARGV[1], 'summary_turns', ARGV[2])
return 1
