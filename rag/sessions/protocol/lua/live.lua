--include part_optional
--include part_lifetime
-- Set how long a session lives.
-- KEYS: history, session, quarantine, trace, what was moved away (7) [, live, ends, audit, find]
-- ARGV: session id, now (s), default ttl (s), own ttl ('': unchanged, '-': none, '0': for ever), who, what the audit
--       calls it ('': nothing), token ('': only if there is such a session), entries for find (a line each),
--       collection of documents, if it has none ('': as it is)
-- Returns {its ttl, its collection or '', why the index was not written or ''}; the ttl is 0 for ever, -1 if there is no
-- such session.
local sid, now, own, token = ARGV[1], ARGV[2], ARGV[4], ARGV[7]
if redis.call('EXISTS', KEYS[2]) == 0 then
  if token == '' then return {-1, '', ''} end
  redis.call('HSET', KEYS[2], 'created', now, 'epoch', token)
end
if token ~= '' then redis.call('HSET', KEYS[2], 'seen', now) end
if ARGV[9] ~= '' then redis.call('HSETNX', KEYS[2], 'collection', ARGV[9]) end
if own == '-' then
  redis.call('HDEL', KEYS[2], 'ttl')
elseif own ~= '' then
  redis.call('HSET', KEYS[2], 'ttl', own)
end
local ttl = lifetime(redis.call('HGET', KEYS[2], 'ttl'), ARGV[3])
for i = 1, 11 do
  if ttl == '0' then redis.call('PERSIST', KEYS[i]) else redis.call('EXPIRE', KEYS[i], ttl) end
end
if KEYS[12] then
  if token ~= '' then optional('ZADD', KEYS[12], now, sid) end
  for entry in string.gmatch(ARGV[8], '[^\n]+') do optional('ZADD', KEYS[15], 0, entry) end
  optional('ZADD', KEYS[13], ttl == '0' and 'inf' or now + ttl, sid)
  if ARGV[6] ~= '' then
    optional('XADD', KEYS[14], 'MAXLEN', '~', AUDIT_ENTRIES, '*', 'what', ARGV[6], 'session', sid, 'who', ARGV[5],
      'ttl', ttl)
  end
end
return {tonumber(ttl), redis.call('HGET', KEYS[2], 'collection') or '', trouble}
