-- Retries after a rejection and retries of unknown outcomes wait in one queue: they have one budget.
UPDATE message SET lane = lane - 1 WHERE lane IN (1, 4);

-- After this a message is not sent any more; without an expiry that is a day after it was due.
UPDATE message SET expires_at = max(accepted_at, coalesce(send_at, accepted_at)) + 86400000000
    WHERE expires_at IS NULL AND next_at IS NOT NULL;
