-- Read what is new in a session's history.
-- KEYS: history, session
-- ARGV: of what is known: epoch, how many messages ever, the last one's id and length in bytes
-- Returns {1, turns, epoch, trimmed, how many messages came before these, {message, …}, summary, its turns,
--   how many elements were put into quarantine, its collection of documents or ''}, or {-2, version}: only that one knows its form.
local call = redis.call
--include part_known
--include part_read
return found
