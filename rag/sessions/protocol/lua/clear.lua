--include part_optional
-- Delete a session. A turn that is being answered is fenced off: its lock goes, too.
-- KEYS: history, session, turn, quarantine, trace [, live, ends, audit, find]
-- ARGV: session id, who, what the audit calls it, entries for find (a line each)
-- Returns how many messages there were, how many keys, and what of the index could not be written or ''.
local length = redis.pcall('LLEN', KEYS[1])
if type(length) ~= 'number' then length = 1 end
local there = redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[4], KEYS[5])
redis.call('DEL', KEYS[3])
if KEYS[6] then
  optional('ZREM', KEYS[6], ARGV[1])
  optional('ZREM', KEYS[7], ARGV[1])
  for entry in string.gmatch(ARGV[4], '[^\n]+') do optional('ZREM', KEYS[9], entry) end
  if there > 0 then
    optional('XADD', KEYS[8], 'MAXLEN', '~', AUDIT_ENTRIES, '*', 'what', ARGV[3], 'session', ARGV[1], 'who', ARGV[2])
  end
end
return {length, there, trouble}
