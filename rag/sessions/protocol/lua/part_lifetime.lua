local function lifetime(own, default)  -- in seconds, '0' for ever; what it cannot be counts as none of its own
  return own and string.match(own, '^%d+$') and tonumber(own) <= MOST_TTL and own or default
end
