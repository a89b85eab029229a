--include part_lifetime
--include part_buckets
-- Take a session's turn and read what is new in its history. Asking again with the same token is harmless,
-- but for what buckets are charged.
-- The session's `waits` says that there may be a queue; without a session, or with it, the queue is looked at.
-- KEYS: history, session, turn, queue, alive, quarantine, trace; the asking browser's, if its cookie may have ended;
--       buckets that are charged, the last of them only for a session's first turn
-- ARGV: of what is known: epoch, how many messages ever, the last one's id and length in bytes;
--       token, lease (ms), ttl (s), place in the queue ('' if none yet, 0: does not queue), generation of the cookie
--       ('': no cookie), how many buckets are the last of them, of each bucket the µs between two tokens and
--       the most tokens
-- Returns as READ does, or {0, how many are before it, its place}, or {-1}: that cookie has ended,
-- or {-3}: a later version has written when it does, or {-4, the number of an empty bucket, µs until it is not}.
local call, token, now, taken = redis.call, ARGV[5], nil, false
local buckets = ARGV[9] == '' and 8 or 9
if buckets == 9 then
  local stored = redis.pcall('GET', KEYS[8])
  if type(stored) == 'table' then return {-1} end  -- it holds something else: nobody knows which cookies count
  local first = tonumber(stored or 0)
  if not first or first > tonumber(ARGV[9]) then return {first and -1 or -3} end
end
if KEYS[buckets] then
  local last = #KEYS
  if ARGV[10] ~= '0' and call('EXISTS', KEYS[2]) == 1 then last = last - ARGV[10] end
  local empty, wait = charged(buckets, last, 11)
  if empty > 0 then return {-4, empty, wait} end
end
--include part_known
local queued = (known[8] or not known[1]) and call('EXISTS', KEYS[4]) == 1
local function time()
  if not now then
    local t = call('TIME')
    now = t[1] * 1000 + math.floor(t[2] / 1000)
  end
  return now
end
local first
if queued then
  for _, dead in ipairs(call('ZRANGEBYSCORE', KEYS[5], '-inf', time())) do
    call('ZREM', KEYS[4], dead)
    call('ZREM', KEYS[5], dead)
  end
  first = call('ZRANGE', KEYS[4], 0, 0)[1]
end
if not first or first == token then
  -- Replicas are told, so that the turn outlives a failover; the append-only file is not: a server that comes back has
  -- nobody's turn running, and its sessions are free.
  redis.set_repl(redis.REPL_REPLICA)
  taken = call('SET', KEYS[3], token, 'NX', 'PX', ARGV[6])
end
if not taken and call('GET', KEYS[3]) ~= token then
  local place = tonumber(ARGV[8])
  if place == 0 then return {0, 0, 0} end
  redis.set_repl(redis.REPL_ALL)
  if known[1] then call('HSET', KEYS[2], 'waits', 1) end
  if not place then
    place = tonumber(call('ZREVRANGE', KEYS[4], 0, 0, 'WITHSCORES')[2] or 0) + 1
  end
  call('ZADD', KEYS[4], 'NX', place, token)
  call('ZADD', KEYS[5], time() + PATIENCE, token)
  call('PEXPIRE', KEYS[4], PATIENCE * 2)
  call('PEXPIRE', KEYS[5], PATIENCE * 2)
  return {0, call('ZRANK', KEYS[4], token), place}
end
if queued then
  redis.set_repl(redis.REPL_ALL)
  call('ZREM', KEYS[4], token)
  call('ZREM', KEYS[5], token)
end
if known[8] and call('EXISTS', KEYS[4]) == 0 then
  redis.set_repl(redis.REPL_ALL)
  call('HDEL', KEYS[2], 'waits')
end
--include part_read
local ttl = lifetime(known[4], ARGV[7])
-- The commit will do it: this is for sessions that might not live until then.
if ttl ~= '0' and call('PTTL', KEYS[2]) < ttl * 500 + ARGV[6] then
  redis.set_repl(redis.REPL_ALL)
  for _, key in ipairs({KEYS[1], KEYS[2], KEYS[6], KEYS[7]}) do call('EXPIRE', key, ttl) end
end
return found
