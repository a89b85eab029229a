--include part_lifetime
-- Keep holding a session, and keep the session.
-- KEYS: history, session, turn, quarantine, trace
-- ARGV: token, lease (ms), ttl (s)
-- Returns 1, or 0 if it is lost.
if redis.call('GET', KEYS[3]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[3], ARGV[2])
local ttl = lifetime(redis.call('HGET', KEYS[2], 'ttl'), ARGV[3])
if ttl ~= '0' then
  for _, key in ipairs({KEYS[1], KEYS[2], KEYS[4], KEYS[5]}) do redis.call('EXPIRE', key, ttl) end
end
return 1
