-- Times are microseconds since 1970 in UTC. `h` is the first half of a SHA-256: an index of 16 bytes a row.

CREATE TABLE message (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    h BLOB NOT NULL UNIQUE,
    id TEXT NOT NULL,
    agent TEXT NOT NULL,
    recipient TEXT NOT NULL,
    body_hash BLOB NOT NULL,
    accepted_at INTEGER NOT NULL,
    expires_at INTEGER,
    -- Follows from the entries; kept because it is asked for.
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    next_at INTEGER,
    lent_until INTEGER
) STRICT;
CREATE INDEX message_due ON message (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX message_recipient ON message (recipient, n);
CREATE INDEX message_agent_state ON message (agent, state, n);
CREATE INDEX message_state ON message (state, n);

-- Apart, because it is large and never changes.
CREATE TABLE message_body (
    n INTEGER PRIMARY KEY REFERENCES message (n),
    body TEXT NOT NULL
) STRICT;

-- What is known of a message, as it was heard of.
CREATE TABLE entry (
    message INTEGER NOT NULL REFERENCES message (n),
    place INTEGER NOT NULL,
    at INTEGER NOT NULL,
    fact TEXT NOT NULL,
    attempt INTEGER,
    reason TEXT,
    PRIMARY KEY (message, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    agent TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    phone TEXT,
    -- Without the bytes it came from.
    inbound TEXT NOT NULL,
    raw BLOB NOT NULL
) STRICT;

-- Agent and dedupe key of each event.
CREATE TABLE seen (
    h BLOB PRIMARY KEY,
    received_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_age ON seen (received_at);

-- What events said of messages that are not here, or not yet: by agent, person and id.
CREATE TABLE orphan (
    n INTEGER PRIMARY KEY,
    h BLOB NOT NULL,
    at INTEGER NOT NULL,
    fact TEXT NOT NULL
) STRICT;
CREATE INDEX orphan_message ON orphan (h);

CREATE TABLE quarantine (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    path TEXT NOT NULL,
    rule TEXT NOT NULL,
    reason TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;
