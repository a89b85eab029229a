local function charged(first, last, numbers)
  -- Take a token out of each bucket KEYS[first … last], or out of none if one of them is empty (GCRA: what is kept of a
  -- bucket is when it will be full again, in µs of this clock; none: it is full). numbers: where in ARGV the µs between
  -- two tokens and the most tokens of each bucket stand. Returns the number of the empty one that stays so the longest
  -- and for how many µs, or 0, 0.
  local t = redis.call('TIME')
  local now, full, empty, wait = t[1] * 1000000 + t[2], {}, 0, 0
  for i = first, last do
    local at = numbers + 2 * (i - first)
    local every, room = tonumber(ARGV[at]), ARGV[at] * ARGV[at + 1]
    -- Where the clock was set back, or the limit changed: a bucket is never emptier than empty.
    local known = math.min(tonumber((redis.pcall('GET', KEYS[i]))) or now, now + room)
    full[i] = math.max(now, known) + every
    if full[i] - now - room > wait then empty, wait = i - first + 1, full[i] - now - room end
  end
  if empty > 0 then return empty, wait end
  -- Replicas are told, the append-only file is not: a server that comes back has full buckets.
  redis.set_repl(redis.REPL_REPLICA)
  for i = first, last do
    redis.call('SET', KEYS[i], string.format('%.0f', full[i]), 'PX', math.ceil((full[i] - now) / 1000))
  end
  redis.set_repl(redis.REPL_ALL)
  return 0, 0
end
