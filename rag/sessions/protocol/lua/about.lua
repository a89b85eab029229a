-- What is known of a session without its messages. KEYS: history, session.
-- Returns {fields, messages, ttl (ms)}.
return {redis.call('HGETALL', KEYS[2]), redis.call('LLEN', KEYS[1]), redis.call('PTTL', KEYS[2])}
