--include part_optional
--include part_lifetime
-- Put an element of a history aside.
-- KEYS: history, session, quarantine, trace [, audit, counts]
-- ARGV: session id, default ttl (s), now (s), reason, new epoch, the element
-- Returns 1, or 0 if somebody did so before.
redis.call('LLEN', KEYS[3])  -- before anything is moved: this and the next line fail where a key holds something else
local ttl = lifetime(redis.call('HGET', KEYS[2], 'ttl'), ARGV[2])
if redis.call('LREM', KEYS[1], 1, ARGV[6]) == 0 then return 0 end
redis.call('RPUSH', KEYS[3], ARGV[4] .. '\n' .. ARGV[3] .. '\n' .. ARGV[6])
redis.call('LTRIM', KEYS[3], -1000, -1)
redis.call('HSET', KEYS[2], 'epoch', ARGV[5])
redis.call('HINCRBY', KEYS[2], 'quarantined', 1)
for i = 1, 4 do
  if ttl ~= '0' then redis.call('EXPIRE', KEYS[i], ttl) end
end
if KEYS[5] then
  optional('XADD', KEYS[5], 'MAXLEN', '~', AUDIT_ENTRIES, '*', 'what', 'quarantine', 'session', ARGV[1],
    'who', 'session', 'reason', ARGV[4])
  optional('HINCRBY', KEYS[6], 'quarantined', 1)
  if ARGV[4] == 'foreign' then optional('HINCRBY', KEYS[6], 'crosstalk', 1) end
end
return 1
