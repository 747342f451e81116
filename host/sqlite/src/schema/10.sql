-- One page for an event that is committed alone, where it were four: each page that a commit changes goes whole into the log.
--
-- Places are counted by the table itself, and only what deletes an event writes down which was the last, so that no place is given
-- twice. The hash of what is known is in the event; it moves into `seen` later, with others that share a page there.
CREATE TABLE last_place (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    place INTEGER NOT NULL
) STRICT;
INSERT INTO last_place (one, place) VALUES (1, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0));

CREATE TABLE numbered_event (
    place INTEGER PRIMARY KEY,
    agent TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    phone TEXT,
    -- Agent and dedupe key. Null where `seen` had it from the first. Before what is long, so that a start, which reads the hashes of
    -- the newest events, reads no overflow pages.
    h BLOB,
    inbound BLOB NOT NULL,
    raw BLOB NOT NULL,
    sum BLOB NOT NULL
) STRICT;
INSERT INTO numbered_event (place, agent, received_at, phone, inbound, raw, sum)
    SELECT place, agent, received_at, phone, inbound, raw, sum FROM event ORDER BY place;
DROP TABLE event;
ALTER TABLE numbered_event RENAME TO event;

INSERT INTO seen (h, received_at) SELECT h, received_at FROM seen_lately WHERE true ORDER BY h ON CONFLICT DO NOTHING;
DROP TABLE seen_lately;

-- Up to which place the hashes that begin with this number, in half a byte, are in `seen`.
CREATE TABLE settled (
    part INTEGER PRIMARY KEY,
    place INTEGER NOT NULL
) STRICT;
WITH RECURSIVE parts (part) AS (SELECT 0 UNION ALL SELECT part + 1 FROM parts WHERE part < 15)
INSERT INTO settled (part, place) SELECT part, last_place.place FROM parts, last_place;
