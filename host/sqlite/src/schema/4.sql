-- When it may be sent at the earliest, if somebody said so.
ALTER TABLE message ADD COLUMN send_at INTEGER;
-- Which queue of its agent a message waits in, as `store::lane` numbers them: 2 and 5 are first attempts.
ALTER TABLE message ADD COLUMN lane INTEGER NOT NULL DEFAULT 5;
UPDATE message SET lane = 2
    WHERE next_at IS NOT NULL AND (SELECT body ->> '$.purpose' FROM message_body WHERE message_body.n = message.n)
        IN ('authentication', 'service-request', 'acknowledgement');

-- What one agent may begin is found without a look at what another may not.
DROP INDEX message_due;
CREATE INDEX message_lane ON message (agent, lane, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX message_expiry ON message (expires_at) WHERE next_at IS NOT NULL;
-- A few hundred at most.
CREATE INDEX message_lent ON message (lent_until) WHERE lent_until IS NOT NULL;
