-- What the plugin made of an event repeats most of the bytes that it came in. So `inbound` is packed now, with those bytes as its
-- dictionary; and `sum` is over what is stored: agent, `inbound` and `raw`. `pack` and `sum_of_packed` are the program's.
CREATE TABLE packed_event (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    agent TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    phone TEXT,
    inbound BLOB NOT NULL,
    raw BLOB NOT NULL,
    sum BLOB NOT NULL
) STRICT;
INSERT INTO packed_event (place, agent, received_at, phone, inbound, raw, sum)
    SELECT place, agent, received_at, phone, pack(inbound, raw), raw, sum_of_packed(agent, inbound, raw, sum)
    FROM event ORDER BY place;
-- No place is given twice, also where the newest events have been forgotten.
DELETE FROM sqlite_sequence WHERE name = 'packed_event';
INSERT INTO sqlite_sequence (name, seq) SELECT 'packed_event', seq FROM sqlite_sequence WHERE name = 'event';
DROP TABLE event;
ALTER TABLE packed_event RENAME TO event;
