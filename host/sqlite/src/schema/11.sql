-- Retries after a rejection and retries of unknown outcomes wait in one queue: they have one budget.
UPDATE message SET lane = lane - 1 WHERE lane IN (1, 4);

-- How many entries of a long history were left out.
ALTER TABLE message ADD COLUMN omitted INTEGER NOT NULL DEFAULT 0;

-- Up to here events were removed for their age: who asks for what comes after an earlier one is told that some are missing.
ALTER TABLE last_place ADD COLUMN pruned INTEGER NOT NULL DEFAULT 0;
UPDATE last_place SET pruned = coalesce((SELECT min(place) FROM event) - 1, place);

-- After this a message is not sent any more; without an expiry that is a day after it was due, or was queued again.
UPDATE message SET expires_at = 86400000000 + max(accepted_at, coalesce(send_at, accepted_at),
        coalesce((SELECT max(at) FROM entry WHERE entry.message = message.n AND fact = 'requeued'), 0))
    WHERE expires_at IS NULL AND next_at IS NOT NULL;

-- A message that was rejected for now is queued.
UPDATE message SET state = 'queued' WHERE state = 'sending' AND next_at IS NOT NULL AND lent_until IS NULL;
