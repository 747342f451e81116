-- What is too old is found without reading what is not.
CREATE INDEX message_age ON message (accepted_at) WHERE next_at IS NULL;
CREATE INDEX upload_expiry ON upload (expires_at) WHERE expires_at IS NOT NULL;

-- When it came, and the hash of whose it is.
ALTER TABLE orphan ADD COLUMN received_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orphan ADD COLUMN person BLOB;
UPDATE orphan SET received_at = at;
CREATE INDEX orphan_age ON orphan (received_at);
CREATE INDEX orphan_person ON orphan (person);

-- The first half of a SHA-256 over agent and body, and over agent, inbound and raw. SQLite has no sums of its own.
ALTER TABLE message_body ADD COLUMN sum BLOB;
ALTER TABLE event ADD COLUMN sum BLOB;
