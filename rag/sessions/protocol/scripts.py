"""The server-side scripts: each is one round trip, and nothing comes between its check and its act.

Whoever runs them on a cluster gives no index keys (live, ends, counts, audit), because those are on other slots; what
the scripts then leave out is written later.
"""

from __future__ import annotations

import hashlib

AUDIT_ENTRIES = 10_000
RETRIED_WITHIN = 64
"""A commit that is asked for again is recognised among so many of the newest messages."""
PATIENCE_MS = 2000
"""A waiter that has not asked for so long is dead, and the next one's turn comes."""
MOST_TTL = 10 * 365 * 86_400
"""Seconds. A server's clock in milliseconds has to have room for it; what is to stay for ever is pinned."""
_NUMBERS = {
    "AUDIT_ENTRIES": AUDIT_ENTRIES,
    "RETRIED": RETRIED_WITHIN,
    "PATIENCE": PATIENCE_MS,
    "MOST_TTL": MOST_TTL,
}


class Script:
    """`source`, and `sha`: its name on the server."""

    __slots__ = ("sha", "source")

    def __init__(self, source: str) -> None:
        for name, value in _NUMBERS.items():
            source = source.replace(name, str(value))
        self.source = source
        self.sha = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()


_OPTIONAL = """
-- The index and the audit. What is done to a session does not depend on them: other programs may have keys of these
-- names, and a user may lack a command.
local trouble = ''
local function optional(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then trouble = reply.err end
end
"""
_LIFETIME = """
local function lifetime(own, default)  -- in seconds, '0' for ever; what it cannot be counts as none of its own
  return own and string.match(own, '^%d+$') and tonumber(own) <= MOST_TTL and own or default
end
"""
_TURN_OF = """
local function turn_of(line)  -- from its head, which no text can imitate: a quote in a text has a backslash
  return line and tonumber(string.match(line, '"turn":(%d+)')) or 0
end
"""

_KNOWN = """
local known = call('HMGET', KEYS[2], 'turns', 'epoch', 'trimmed', 'ttl', 'summary', 'summary_turns', 'quarantined',
  'waits')
"""

_READ = (
    _TURN_OF
    + """
local trimmed, from, new = tonumber(known[3]) or 0, 0, nil
if known[2] and known[2] == ARGV[1] then
  local at = ARGV[2] - trimmed
  if at > 0 then
    new = call('LRANGE', KEYS[1], at - 1, -1)
    if new[1] and #new[1] == tonumber(ARGV[4]) and string.find(new[1], ARGV[3], 1, true) then
      table.remove(new, 1)
      from = at
    end
  end
end
if from == 0 then new = call('LRANGE', KEYS[1], 0, -1) end
-- A server that evicts may have dropped the one key and kept the other.
local found = {1, tonumber(known[1]) or turn_of(new[#new]), known[2] or '', trimmed, trimmed + from, new,
  known[5] or '', tonumber(known[6]) or 0, tonumber(known[7]) or 0}
"""
)

READ = Script(
    """
-- Read what is new in a session's history.
-- KEYS: history, session
-- ARGV: of what is known: epoch, how many messages ever, the last one's id and length in bytes
-- Returns {1, turns, epoch, trimmed, how many messages came before these, {message, …}, summary, its turns,
--   how many elements were put into quarantine}.
local call = redis.call
"""
    + _KNOWN
    + _READ
    + "return found"
)

BEGIN = Script(
    _LIFETIME
    + """
-- Take a session's turn and read what is new in its history. Asking again with the same token is harmless.
-- The session's `waits` says that there may be a queue; without a session, or with it, the queue is looked at.
-- KEYS: history, session, turn, queue, alive, quarantine
-- ARGV: of what is known: epoch, how many messages ever, the last one's id and length in bytes;
--       token, lease (ms), ttl (s), place in the queue ('' if none yet, 0: does not queue)
-- Returns as READ does, or {0, how many are before it, its place}.
local call, token, now, taken = redis.call, ARGV[5], nil, false
"""
    + _KNOWN
    + """
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
"""
    + _READ
    + """
local ttl = lifetime(known[4], ARGV[7])
-- The commit will do it: this is for sessions that might not live until then.
if ttl ~= '0' and call('PTTL', KEYS[2]) < ttl * 500 + ARGV[6] then
  redis.set_repl(redis.REPL_ALL)
  for _, key in ipairs({KEYS[1], KEYS[2], KEYS[6]}) do call('EXPIRE', key, ttl) end
end
return found
"""
)

_AWAKEN = """
local function awaken(queue, token)
  local head = redis.pcall('ZRANGE', queue, 0, 0)[1]
  if not head then return '' end
  local theirs, ours = string.match(head, '^%w+'), string.match(token, '^%w+')
  if theirs ~= ours then redis.pcall('PUBLISH', 'turns:' .. theirs, head) end
  return head
end
"""

COMMIT = Script(
    _AWAKEN
    + _OPTIONAL
    + _LIFETIME
    + _TURN_OF
    + """
-- Store a turn and free the session. The same token twice stores once; whatever fails stores nothing.
-- KEYS: history, session, turn, queue [, live, ends, audit [, find]] [, quarantine]
-- ARGV: token, turns before, ttl (s), now (s), session id, lease (ms), how many of the following are not messages;
--       what not every turn has, each as name, value: model, title, summary, summary_turns (both or neither),
--       oldest (turns up to this one are cut off), find (entries for find, a line each), quarantine (which key it is);
--       message, …
-- Returns {turn's number, epoch, trimmed, messages stored, next token or '', why the index was not written or ''}.
-- The number is -1 if the token no longer holds the session, -2 if the session ended or was cleared meanwhile; epoch is
-- '' if the turn was stored before.
local call, sid, now = redis.call, ARGV[5], ARGV[4]
local first, more, length = 8 + ARGV[7], {}, nil
-- First of all, because a server that is full refuses this, and nothing that comes later.
for i = first, #ARGV, 1000 do
  length = call('RPUSH', KEYS[1], unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
local function refused(code)
  call('LTRIM', KEYS[1], 0, first - #ARGV - 2)
  if code == -1 then
    local mark = '"id":"' .. ARGV[1] .. ':'
    for _, line in ipairs(call('LRANGE', KEYS[1], -RETRIED, -1)) do
      if string.find(line, mark, 1, true) then return {tonumber(ARGV[2]) + 1, '', 0, 0, '', ''} end
    end
  end
  if KEYS[7] then
    optional('XADD', KEYS[7], 'MAXLEN', '~', AUDIT_ENTRIES, '*', 'what', 'fenced', 'session', sid, 'who', 'session')
  end
  return {code, '', 0, 0, '', trouble}
end
local holder, known, problem
local function failed(reply)
  if type(reply) == 'table' and reply.err then problem = reply end
  return problem
end
local function undone()  -- a key that holds something else, or a command that is not allowed
  call('LTRIM', KEYS[1], 0, first - #ARGV - 2)
  redis.set_repl(redis.REPL_REPLICA)
  if holder == ARGV[1] then call('SET', KEYS[3], holder, 'PX', ARGV[6]) end
  return problem
end
redis.set_repl(redis.REPL_REPLICA)  -- where BEGIN wrote it
holder = redis.pcall('GETDEL', KEYS[3])
if failed(holder) then return undone() end
if holder and holder ~= ARGV[1] then call('SET', KEYS[3], holder, 'PX', ARGV[6]) end
redis.set_repl(redis.REPL_ALL)
if holder ~= ARGV[1] then return refused(-1) end
known = redis.pcall('HMGET', KEYS[2], 'turns', 'epoch', 'trimmed', 'ttl', 'waits')
if failed(known) then return undone() end
local turns = tonumber(known[1]) or turn_of(call('LINDEX', KEYS[1], first - #ARGV - 2))
local trimmed = tonumber(known[3]) or 0
if turns ~= tonumber(ARGV[2]) then
  local following = awaken(KEYS[4], ARGV[1])
  local reply = refused(-2)
  reply[5] = following
  return reply
end
local ttl = lifetime(known[4], ARGV[3])
if ttl ~= '0' and failed(redis.pcall('EXPIRE', KEYS[1], ttl)) then return undone() end
turns = turns + 1
local epoch, set = known[2], nil
if epoch then
  set = redis.pcall('HSET', KEYS[2], 'turns', turns, 'seen', now)
else
  epoch = ARGV[1]
  set = redis.pcall('HSET', KEYS[2], 'turns', turns, 'seen', now, 'epoch', epoch, 'created', now)
end
if failed(set) then return undone() end
for i = 8, first - 1, 2 do more[ARGV[i]] = ARGV[i + 1] end
if ttl ~= '0' then
  call('EXPIRE', KEYS[2], ttl)
  if more.quarantine then call('EXPIRE', KEYS[tonumber(more.quarantine)], ttl) end
end
if more.model then call('HSET', KEYS[2], 'model', more.model) end
if more.title then call('HSETNX', KEYS[2], 'title', more.title) end
if more.summary then call('HSET', KEYS[2], 'summary', more.summary, 'summary_turns', more.summary_turns) end
if more.oldest then
  local before, oldest = trimmed, tonumber(more.oldest)
  while length > 0 and turn_of(call('LINDEX', KEYS[1], 0)) <= oldest do
    call('LPOP', KEYS[1])
    trimmed, length = trimmed + 1, length - 1
  end
  if trimmed > before then call('HSET', KEYS[2], 'trimmed', trimmed) end
end
local waits = known[5]
if not known[1] and call('EXISTS', KEYS[4]) == 1 then waits = call('HSET', KEYS[2], 'waits', 1) end
if KEYS[7] then  -- the fifth alone may be the quarantine
  optional('ZADD', KEYS[5], now, sid)
  optional('ZADD', KEYS[6], ttl == '0' and 'inf' or now + ttl, sid)
  if more.find then
    for entry in string.gmatch(more.find, '[^\\n]+') do optional('ZADD', KEYS[8], 0, entry) end
  end
end
return {turns, epoch, trimmed, length, waits and awaken(KEYS[4], ARGV[1]) or '', trouble}
"""
)

RENEW = Script(
    _LIFETIME
    + """
-- Keep holding a session, and keep the session.
-- KEYS: history, session, turn, quarantine
-- ARGV: token, lease (ms), ttl (s)
-- Returns 1, or 0 if it is lost.
if redis.call('GET', KEYS[3]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[3], ARGV[2])
local ttl = lifetime(redis.call('HGET', KEYS[2], 'ttl'), ARGV[3])
if ttl ~= '0' then
  for _, key in ipairs({KEYS[1], KEYS[2], KEYS[4]}) do redis.call('EXPIRE', key, ttl) end
end
return 1
"""
)

RELEASE = Script(
    _AWAKEN
    + """
-- Give a session, or the wait for it, back without storing. KEYS: turn, queue, alive. ARGV: token.
-- Returns the next token or ''.
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then redis.call('DEL', KEYS[1]) elseif holder then return '' end
return awaken(KEYS[2], ARGV[1])
"""
)

CLEAR = Script(
    _OPTIONAL
    + """
-- Delete a session. A turn that is being answered is fenced off: its lock goes, too.
-- KEYS: history, session, turn, quarantine [, live, ends, audit, find]
-- ARGV: session id, who, what the audit calls it, entries for find (a line each)
-- Returns how many messages there were, how many keys, and what of the index could not be written or ''.
local length = redis.pcall('LLEN', KEYS[1])
if type(length) ~= 'number' then length = 1 end
local there = redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[4])
redis.call('DEL', KEYS[3])
if KEYS[5] then
  optional('ZREM', KEYS[5], ARGV[1])
  optional('ZREM', KEYS[6], ARGV[1])
  for entry in string.gmatch(ARGV[4], '[^\\n]+') do optional('ZREM', KEYS[8], entry) end
  if there > 0 then
    optional('XADD', KEYS[7], 'MAXLEN', '~', AUDIT_ENTRIES, '*', 'what', ARGV[3], 'session', ARGV[1], 'who', ARGV[2])
  end
end
return {length, there, trouble}
"""
)

LIVE = Script(
    _OPTIONAL
    + _LIFETIME
    + """
-- Set how long a session lives.
-- KEYS: history, session, quarantine [, live, ends, audit, find]
-- ARGV: session id, now (s), default ttl (s), own ttl ('': unchanged, '-': none, '0': for ever), who, what the audit
--       calls it ('': nothing), token ('': only if there is such a session), entries for find (a line each)
-- Returns {its ttl, why the index was not written or ''}; the ttl is 0 for ever, -1 if there is no such session.
local sid, now, own, token = ARGV[1], ARGV[2], ARGV[4], ARGV[7]
if redis.call('EXISTS', KEYS[2]) == 0 then
  if token == '' then return {-1, ''} end
  redis.call('HSET', KEYS[2], 'created', now, 'epoch', token)
end
if token ~= '' then redis.call('HSET', KEYS[2], 'seen', now) end
if own == '-' then
  redis.call('HDEL', KEYS[2], 'ttl')
elseif own ~= '' then
  redis.call('HSET', KEYS[2], 'ttl', own)
end
local ttl = lifetime(redis.call('HGET', KEYS[2], 'ttl'), ARGV[3])
for i = 1, 3 do
  if ttl == '0' then redis.call('PERSIST', KEYS[i]) else redis.call('EXPIRE', KEYS[i], ttl) end
end
if KEYS[4] then
  if token ~= '' then optional('ZADD', KEYS[4], now, sid) end
  for entry in string.gmatch(ARGV[8], '[^\\n]+') do optional('ZADD', KEYS[7], 0, entry) end
  optional('ZADD', KEYS[5], ttl == '0' and 'inf' or now + ttl, sid)
  if ARGV[6] ~= '' then
    optional('XADD', KEYS[6], 'MAXLEN', '~', AUDIT_ENTRIES, '*', 'what', ARGV[6], 'session', sid, 'who', ARGV[5],
      'ttl', ttl)
  end
end
return {tonumber(ttl), trouble}
"""
)

SUMMARY = Script("""
-- Keep a summary of a session's older turns. KEYS: session. ARGV: summary, how many turns it covers.
-- Returns 0 if there is no such session.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'summary', ARGV[1], 'summary_turns', ARGV[2])
return 1
""")

ABOUT = Script("""
-- What is known of a session without its messages. KEYS: history, session.
-- Returns {fields, messages, ttl (ms)}.
return {redis.call('HGETALL', KEYS[2]), redis.call('LLEN', KEYS[1]), redis.call('PTTL', KEYS[2])}
""")

QUARANTINE = Script(
    _OPTIONAL
    + _LIFETIME
    + """
-- Put an element of a history aside.
-- KEYS: history, session, quarantine [, audit, counts]
-- ARGV: session id, default ttl (s), now (s), reason, new epoch, the element
-- Returns 1, or 0 if somebody did so before.
redis.call('LLEN', KEYS[3])  -- before anything is moved: this and the next line fail where a key holds something else
local ttl = lifetime(redis.call('HGET', KEYS[2], 'ttl'), ARGV[2])
if redis.call('LREM', KEYS[1], 1, ARGV[6]) == 0 then return 0 end
redis.call('RPUSH', KEYS[3], ARGV[4] .. '\\n' .. ARGV[3] .. '\\n' .. ARGV[6])
redis.call('LTRIM', KEYS[3], -1000, -1)
redis.call('HSET', KEYS[2], 'epoch', ARGV[5])
redis.call('HINCRBY', KEYS[2], 'quarantined', 1)
for i = 1, 3 do
  if ttl ~= '0' then redis.call('EXPIRE', KEYS[i], ttl) end
end
if KEYS[4] then
  optional('XADD', KEYS[4], 'MAXLEN', '~', AUDIT_ENTRIES, '*', 'what', 'quarantine', 'session', ARGV[1],
    'who', 'session', 'reason', ARGV[4])
  optional('HINCRBY', KEYS[5], 'quarantined', 1)
  if ARGV[4] == 'foreign' then optional('HINCRBY', KEYS[5], 'crosstalk', 1) end
end
return 1
"""
)

REPAIR = Script(
    _TURN_OF
    + """
-- Move keys of a session that have the wrong type out of the way. What its hash told of its messages is made anew.
-- KEYS: history, session, turn, queue, alive, quarantine; then where each goes to
-- ARGV: ttl (s), now (s), new epoch
-- Returns how many were moved.
local types = {'list', 'hash', 'string', 'zset', 'zset', 'list'}
local moved = 0
for i = 1, 6 do
  local found = redis.call('TYPE', KEYS[i]).ok
  if found ~= 'none' and found ~= types[i] then
    redis.call('RENAME', KEYS[i], KEYS[i + 6])
    redis.call('EXPIRE', KEYS[i + 6], ARGV[1])
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
"""
)
