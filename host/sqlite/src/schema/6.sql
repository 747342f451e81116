-- What was heard of whether people want messages of an agent: never changed, never deleted, and not bound to the event, which
-- may be forgotten before.
CREATE TABLE consent_entry (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    agent TEXT NOT NULL,
    phone TEXT NOT NULL,
    -- When it was wished.
    at INTEGER NOT NULL,
    opted_out INTEGER NOT NULL,
    -- How the gateway knows: platform, keyword, caller; and the words of whoever said so.
    reason TEXT NOT NULL,
    words TEXT,
    -- Its place.
    event INTEGER
) STRICT;
CREATE INDEX consent_entry_person ON consent_entry (agent, phone, n);

-- What counts of it. Follows from the entries; kept because every attempt asks for it.
CREATE TABLE consent (
    agent TEXT NOT NULL,
    phone TEXT NOT NULL,
    at INTEGER NOT NULL,
    opted_out INTEGER NOT NULL,
    reason TEXT NOT NULL,
    words TEXT,
    PRIMARY KEY (agent, phone)
) STRICT, WITHOUT ROWID;
CREATE INDEX consent_opted_out ON consent (agent, phone) WHERE opted_out = 1;

-- What the platform has said already. Keywords did not count then.
INSERT INTO consent_entry (agent, phone, at, opted_out, reason, event)
    SELECT agent, phone,
        min(received_at, coalesce(CAST(round(unixepoch(inbound ->> '$.at', 'subsec') * 1000000) AS INTEGER), received_at)),
        inbound ->> '$.fact' = 'unsubscribed', 'platform', place
    FROM event WHERE phone IS NOT NULL AND inbound ->> '$.fact' IN ('unsubscribed', 'resubscribed') ORDER BY place;
INSERT INTO consent (agent, phone, at, opted_out, reason)
    SELECT agent, phone, at, opted_out, reason FROM consent_entry WHERE true ORDER BY at, opted_out
    ON CONFLICT DO UPDATE SET at = excluded.at, opted_out = excluded.opted_out;
