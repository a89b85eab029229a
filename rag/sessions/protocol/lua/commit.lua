--include part_awaken
--include part_optional
--include part_lifetime
--include part_turn_of
-- Store a turn and free the session. The same token twice stores once; whatever fails stores nothing.
-- KEYS: history, session, turn, queue, trace [, live, ends, audit [, find]] [, quarantine]
-- ARGV: token, turns before, ttl (s), now (s), session id, lease (ms), how many of the following are not messages;
--       what not every turn has, each as name, value: model, title, summary, summary_turns (both or neither),
--       oldest (turns up to this one are cut off), find (entries for find, a line each), quarantine (which key it is),
--       trace (of how the turn was answered);
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
  if KEYS[8] then
    optional('XADD', KEYS[8], 'MAXLEN', '~', AUDIT_ENTRIES, '*', 'what', 'fenced', 'session', sid, 'who', 'session')
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
if more.trace then  -- what the session can do without
  optional('RPUSH', KEYS[5], more.trace)
  optional('LTRIM', KEYS[5], -TRACES, -1)
end
if ttl ~= '0' then
  call('EXPIRE', KEYS[2], ttl)
  optional('EXPIRE', KEYS[5], ttl)
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
if KEYS[8] then  -- the sixth alone may be the quarantine
  optional('ZADD', KEYS[6], now, sid)
  optional('ZADD', KEYS[7], ttl == '0' and 'inf' or now + ttl, sid)
  if more.find then
    for entry in string.gmatch(more.find, '[^\n]+') do optional('ZADD', KEYS[9], 0, entry) end
  end
end
return {turns, epoch, trimmed, length, waits and awaken(KEYS[4], ARGV[1]) or '', trouble}
