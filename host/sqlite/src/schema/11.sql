-- Retries after a rejection and retries of unknown outcomes wait in one queue: they have one budget.
UPDATE message SET lane = lane - 1 WHERE lane IN (1, 4);
