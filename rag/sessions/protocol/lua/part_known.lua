local known = call('HMGET', KEYS[2], 'turns', 'epoch', 'trimmed', 'ttl', 'summary', 'summary_turns', 'quarantined',
  'waits', 'v', 'collection')
-- Its form is a later version's: it is neither read nor written.
if known[9] and known[9] ~= 'SESSION_VERSION' then return {-2, known[9]} end
