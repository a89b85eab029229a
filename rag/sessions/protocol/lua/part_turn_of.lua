local function turn_of(line)  -- from its head, which no text can imitate: a quote in a text has a backslash
  return line and tonumber(string.match(line, '"turn":(%d+)')) or 0
end
