--include part_optional
-- Delete a session. A turn that is being answered is fenced off: its lock goes, too.
-- KEYS: history, session, turn, queue, alive, quarantine, trace, what was moved away (7) [, live, ends, audit, find]
-- ARGV: session id, who, what the audit calls it, entries for find (a line each)
-- Returns how many messages there were, how many keys, and what of the index could not be written or ''.
local length = redis.pcall('LLEN', KEYS[1])
if type(length) ~= 'number' then length = 1 end
local there = redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[6], KEYS[7])
redis.call('DEL', KEYS[3])
redis.call('UNLINK', KEYS[4], KEYS[5], unpack(KEYS, 8, 14))  -- who waits asks again, and keeps its place
if KEYS[15] then
  optional('ZREM', KEYS[15], ARGV[1])
  optional('ZREM', KEYS[16], ARGV[1])
  for entry in string.gmatch(ARGV[4], '[^\n]+') do optional('ZREM', KEYS[18], entry) end
  if there > 0 then
    optional('XADD', KEYS[17], 'MAXLEN', '~', AUDIT_ENTRIES, '*', 'what', ARGV[3], 'session', ARGV[1], 'who', ARGV[2])
  end
end
return {length, there, trouble}
