"""The server-side scripts: each is one round trip, and nothing comes between its check and its act."""

from __future__ import annotations

BEGIN = """
-- Take a session's turn and read its history.
-- KEYS: history, session, turn
-- ARGV: token, lease (ms), ttl (s)
-- Returns {1, turns, message, …} or {0, ms until the holder's lease ends}.
if not redis.call('SET', KEYS[3], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return {0, redis.call('PTTL', KEYS[3])}
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[3])
local found = redis.call('LRANGE', KEYS[1], 0, -1)
table.insert(found, 1, tonumber(redis.call('HGET', KEYS[2], 'turns') or 0))
table.insert(found, 1, 1)
return found
"""

COMMIT = """
-- Store a turn and free the session.
-- KEYS: history, session, turn, live index, audit
-- ARGV: token, ttl (s), now (s), session id, model, title, most turns stored, message, …
-- Returns the turn's number; -1 if the token no longer holds the session. The same token twice stores once.
local sid, now = ARGV[4], ARGV[3]
if redis.call('GET', KEYS[3]) ~= ARGV[1] then
  if redis.call('HGET', KEYS[2], 'commit') == ARGV[1] then
    return tonumber(redis.call('HGET', KEYS[2], 'turns'))
  end
  redis.call('XADD', KEYS[5], 'MAXLEN', '~', 10000, '*', 'what', 'fenced', 'session', sid, 'who', 'session')
  return -1
end
for i = 8, #ARGV do redis.call('RPUSH', KEYS[1], ARGV[i]) end
local turns = redis.call('HINCRBY', KEYS[2], 'turns', 1)
redis.call('HSET', KEYS[2], 'seen', now, 'commit', ARGV[1], 'model', ARGV[5])
redis.call('HSETNX', KEYS[2], 'created', now)
if ARGV[6] ~= '' then redis.call('HSETNX', KEYS[2], 'title', ARGV[6]) end
local oldest = turns - tonumber(ARGV[7])
while oldest > 0 do
  local first = redis.call('LINDEX', KEYS[1], 0)
  local ok, value = pcall(cjson.decode, first)
  if ok and (value.turn or 0) > oldest then break end
  redis.call('LPOP', KEYS[1])
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[2])
redis.call('ZADD', KEYS[4], now, sid)
redis.call('DEL', KEYS[3])
return turns
"""

RENEW = """
-- Keep holding a session. KEYS: turn. ARGV: token, lease (ms). Returns 1, or 0 if it is lost.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

RELEASE = """
-- Give a session back without storing. KEYS: turn. ARGV: token.
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""

CLEAR = """
-- Delete a session's history. A turn that is being answered is fenced off: its lock goes, too.
-- KEYS: history, session, turn, live index, audit. ARGV: session id.
-- Returns how many messages there were.
local length = redis.call('LLEN', KEYS[1])
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
redis.call('ZREM', KEYS[4], ARGV[1])
if length > 0 then
  redis.call('XADD', KEYS[5], 'MAXLEN', '~', 10000, '*', 'what', 'clear', 'session', ARGV[1], 'who', 'session')
end
return length
"""

TOUCH = """
-- Make sure that a session exists, and start its time to live anew.
-- KEYS: history, session, live index. ARGV: ttl (s), now (s), session id.
redis.call('HSETNX', KEYS[2], 'created', ARGV[2])
redis.call('HSET', KEYS[2], 'seen', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[1])
redis.call('ZADD', KEYS[3], ARGV[2], ARGV[3])
return 1
"""
