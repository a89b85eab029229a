--include part_turn_of
--include part_lifetime
-- Move keys of a session that have the wrong type out of the way. What its hash told of its messages is made anew.
-- KEYS: history, session, turn, queue, alive, quarantine, trace; then where each goes to
-- ARGV: ttl (s), now (s), new epoch
-- Returns how many were moved.
local types = {'list', 'hash', 'string', 'zset', 'zset', 'list', 'list'}
local moved = 0
local own = redis.pcall('HGET', KEYS[2], 'ttl')
local ttl = lifetime(type(own) == 'string' and own ~= '0' and own, ARGV[1])
for i = 1, 7 do
  local found = redis.call('TYPE', KEYS[i]).ok
  if found ~= 'none' and found ~= types[i] then
    redis.call('RENAME', KEYS[i], KEYS[i + 7])
    redis.call('EXPIRE', KEYS[i + 7], ttl)
    moved = moved + 1
    if i == 2 and redis.call('EXISTS', KEYS[1]) == 1 then
      redis.call('HSET', KEYS[2], 'turns', turn_of(redis.call('LINDEX', KEYS[1], -1)), 'seen', ARGV[2], 'epoch',
        ARGV[3], 'created', ARGV[2])
      redis.call('EXPIRE', KEYS[2], ARGV[1])
      redis.call('EXPIRE', KEYS[1], ARGV[1])
    end
  end
end
return moved
