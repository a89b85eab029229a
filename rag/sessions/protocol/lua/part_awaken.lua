local function awaken(queue, token)
  local head = redis.pcall('ZRANGE', queue, 0, 0)[1]
  if not head then return '' end
  local theirs, ours = string.match(head, '^%w+'), string.match(token, '^%w+')
  if theirs ~= ours then redis.pcall('PUBLISH', 'turns:' .. theirs, head) end
  return head
end
