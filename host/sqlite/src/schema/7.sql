-- What judging a request again needs: its headers, as JSON, and whether its body is whole. Of those from before there are none.
ALTER TABLE quarantine ADD COLUMN headers TEXT;
ALTER TABLE quarantine ADD COLUMN body_bytes INTEGER NOT NULL DEFAULT 0;
UPDATE quarantine SET body_bytes = length(body);
