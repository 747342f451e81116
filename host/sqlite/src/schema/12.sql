-- An entry of a history has a reason for programs beside its sentence.
ALTER TABLE entry RENAME COLUMN reason TO detail;
ALTER TABLE entry ADD COLUMN reason TEXT;

-- Agents of which the last event says that they are held.
CREATE TABLE held (agent TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID;
