--include part_awaken
-- Give a session, or the wait for it, back without storing. KEYS: turn, queue, alive. ARGV: token.
-- Returns the next token or ''. Keys that hold something else are the next turn's to move away.
redis.pcall('ZREM', KEYS[2], ARGV[1])
redis.pcall('ZREM', KEYS[3], ARGV[1])
local holder = redis.pcall('GET', KEYS[1])
if holder == ARGV[1] then redis.call('DEL', KEYS[1]) elseif holder then return '' end
return awaken(KEYS[2], ARGV[1])
