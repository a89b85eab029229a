local known = call('HMGET', KEYS[2], 'turns', 'epoch', 'trimmed', 'ttl', 'summary', 'summary_turns', 'quarantined',
  'waits')
