-- How long a session has left. Of one that has ended, remove what its end did not: whatever stands under its names and
-- is not what the store writes there, or was never given an end.
-- KEYS: history, session, turn, queue, alive, quarantine, trace, what was moved away (7)
-- Returns ms, -1 for ever, -2 if it has ended.
local call, types = redis.call, {'list', 'hash', 'string', 'zset', 'zset', 'list', 'list'}
local found = {}
for i = 1, 7 do found[i] = call('TYPE', KEYS[i]).ok end
if found[2] == 'hash' then return call('PTTL', KEYS[2]) end
-- The next turn makes the hash anew: see REPAIR.
if found[1] == 'list' and found[2] ~= 'none' then return call('PTTL', KEYS[1]) end
for i = 1, 7 do
  if found[i] ~= 'none' then
    local foreign = found[i] ~= types[i]
    -- A turn may be under way that begins the session anew, and the server may have dropped the hash alone.
    local endless = i >= 3 and i <= 5 and call('PTTL', KEYS[i]) == -1
    if foreign or endless or i > 5 and found[1] ~= 'list' then call('UNLINK', KEYS[i]) end
  end
end
if found[1] ~= 'list' then call('UNLINK', unpack(KEYS, 8, 14)) end
return -2
