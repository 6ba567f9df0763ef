-- What the API lets people change has a revision that each change raises: a change can say from which
-- one it starts (If-Match). Events have `version`, which counts for their tiers as well.

ALTER TABLE check_in_lists ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE gates ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE api_keys ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE webhook_endpoints ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;

-- Lists by name; by time, a list of an organisation looks at all of its events.
CREATE INDEX events_by_name ON events (organisation_id, name, id);
