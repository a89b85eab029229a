-- The index and the audit. What is done to a session does not depend on them: other programs may have keys of these
-- names, and a user may lack a command.
local trouble = ''
local function optional(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then trouble = reply.err end
end
