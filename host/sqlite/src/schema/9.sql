-- The newest of `seen`, apart: hashes come in no order, so that in a large index each of them changes a page of its own, and each
-- such page goes whole into the log. Those of many commits move into the large index together, where they share pages. A hash is
-- in one of both.
CREATE TABLE seen_lately (
    h BLOB PRIMARY KEY,
    received_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
