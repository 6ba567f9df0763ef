-- Members, keys and staff, as organisations manage them.

CREATE INDEX members_by_role ON members (organisation_id, role, id);
CREATE INDEX invitations_by_address ON invitations (organisation_id, email_lookup);
CREATE INDEX api_keys_in_order ON api_keys (organisation_id, id);
CREATE INDEX api_keys_by_event ON api_keys (event_id);

-- How the text of a key begins, so that people know which one it is.
ALTER TABLE api_keys ADD COLUMN prefix TEXT NOT NULL DEFAULT '';
-- When another key took its place; it goes on until `expires_at`.
ALTER TABLE api_keys ADD COLUMN replaced_at BIGINT;

ALTER TABLE staff_pins ADD COLUMN organisation_id TEXT REFERENCES organisations (id);
CREATE INDEX staff_pins_by_organisation ON staff_pins (organisation_id);

-- A member who works at a paired device that others use too.
CREATE TABLE staff_sessions (
    id TEXT PRIMARY KEY,
    device_id TEXT NOT NULL REFERENCES devices (id),
    event_id TEXT NOT NULL REFERENCES events (id),
    member_id TEXT NOT NULL REFERENCES members (id),
    token_hash BYTEA NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX staff_sessions_by_device ON staff_sessions (device_id, member_id);
CREATE INDEX staff_sessions_by_member ON staff_sessions (member_id);
CREATE INDEX staff_sessions_by_event ON staff_sessions (event_id);

-- Who held the device, if somebody had said so.
ALTER TABLE scans ADD COLUMN staff_id TEXT;

CREATE INDEX impersonations_by_end ON impersonations (ended_at, expires_at);
