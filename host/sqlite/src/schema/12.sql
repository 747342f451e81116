-- An entry of a history has a reason for programs beside its sentence.
ALTER TABLE entry RENAME COLUMN reason TO detail;
ALTER TABLE entry ADD COLUMN reason TEXT;

-- What holds those agents of which the last event says that they are held.
CREATE TABLE held (agent TEXT PRIMARY KEY NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- Events of an earlier version are known by keys of that version. For 14 days both keys are looked for.
ALTER TABLE last_place ADD COLUMN legacy_keys_until INTEGER NOT NULL DEFAULT 0;
UPDATE last_place SET legacy_keys_until = 1000000 * (unixepoch() + 14 * 86400)
    WHERE EXISTS (SELECT 1 FROM event) OR EXISTS (SELECT 1 FROM seen);

-- Agents, and what their rows go by. Of an earlier version they go by the names of agents.
ALTER TABLE last_place ADD COLUMN legacy_names INTEGER NOT NULL DEFAULT 0;
CREATE TABLE agent (key TEXT PRIMARY KEY NOT NULL, platform_id TEXT NOT NULL UNIQUE) STRICT, WITHOUT ROWID;
