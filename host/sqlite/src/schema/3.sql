-- How far consumers of events have got: up to `after` each event was taken, or has a delivery.
CREATE TABLE consumer (
    n INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    after INTEGER,
    disabled_at INTEGER,
    disabled_reason TEXT
) STRICT;

-- What is owed to them, and what was given up. Not bound to the event: that may be forgotten before.
CREATE TABLE delivery (
    consumer INTEGER NOT NULL REFERENCES consumer (n),
    place INTEGER NOT NULL,
    -- What is delivered in order.
    conversation TEXT,
    attempts INTEGER NOT NULL,
    reason TEXT,
    -- None while it waits for another of its conversation, and when it was given up.
    next_at INTEGER,
    dead_at INTEGER,
    PRIMARY KEY (consumer, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_due ON delivery (consumer, next_at, place) WHERE next_at IS NOT NULL;
CREATE INDEX delivery_conversation ON delivery (consumer, conversation, place)
    WHERE conversation IS NOT NULL AND dead_at IS NULL;
CREATE INDEX delivery_owed ON delivery (consumer, place) WHERE dead_at IS NULL;
CREATE INDEX delivery_dead ON delivery (consumer, place) WHERE dead_at IS NOT NULL;
