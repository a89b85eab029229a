--include part_turn_of
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
  known[5] or '', tonumber(known[6]) or 0, tonumber(known[7]) or 0,
  known[10] or ''}
