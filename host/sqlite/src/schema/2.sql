-- Files that the platform keeps, by the names that it gave them.
CREATE TABLE upload (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    agent TEXT NOT NULL,
    name TEXT NOT NULL,
    what TEXT NOT NULL,
    at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT;
CREATE INDEX upload_agent ON upload (agent, n);

-- Who was invited to be a tester.
CREATE TABLE tester (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    agent TEXT NOT NULL,
    phone TEXT NOT NULL,
    invited_at INTEGER NOT NULL,
    answer TEXT,
    UNIQUE (agent, phone)
) STRICT;
