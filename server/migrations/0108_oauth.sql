-- Programs of third parties: secrets that overlap while they are changed, clients that are switched
-- off or offered to other organisations, and tokens with less than their grant.

ALTER TABLE oauth_clients ADD COLUMN is_enabled BOOLEAN NOT NULL DEFAULT TRUE;
-- Whether members of other organisations may let it act for theirs.
ALTER TABLE oauth_clients ADD COLUMN is_shared BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE oauth_clients ADD COLUMN created_by TEXT NOT NULL DEFAULT 'command line';
-- The secret before the current one still counts until then.
ALTER TABLE oauth_clients ADD COLUMN previous_secret_hash BYTEA;
ALTER TABLE oauth_clients ADD COLUMN previous_secret_until BIGINT;

-- Whether the person showed a second factor when they agreed.
ALTER TABLE oauth_grants ADD COLUMN is_mfa BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE oauth_grants ADD COLUMN last_used_at BIGINT;
CREATE INDEX oauth_grants_by_organisation ON oauth_grants (organisation_id, id);

CREATE INDEX oauth_codes_by_expiry ON oauth_codes (expires_at);

-- Permissions as a JSON list; NULL: all of the grant.
ALTER TABLE oauth_tokens ADD COLUMN scopes TEXT;
