-- What people can do about their own data besides 0102: change their address, get a copy, be forgotten.

CREATE TABLE email_changes (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    -- The old and the new address: sealed JSON.
    sealed_content BYTEA NOT NULL,
    confirm_hash BYTEA NOT NULL UNIQUE,
    undo_hash BYTEA UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    confirmed_at BIGINT,
    undo_until BIGINT
);
CREATE INDEX email_changes_by_user ON email_changes (user_id, id);
CREATE INDEX email_changes_by_age ON email_changes (created_at);

CREATE TABLE data_exports (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    state TEXT NOT NULL CHECK (state IN ('pending', 'ready')),
    -- A zip file, sealed; there once it is ready.
    sealed_archive BYTEA,
    size_bytes BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    CHECK (state = 'pending' OR (sealed_archive IS NOT NULL AND size_bytes IS NOT NULL))
);
CREATE INDEX data_exports_by_user ON data_exports (user_id, id);
CREATE INDEX data_exports_by_expiry ON data_exports (expires_at);

-- What was bought with an address, and who was invited by it.
CREATE INDEX orders_by_buyer ON orders (email_lookup);
CREATE INDEX invitations_by_email ON invitations (email_lookup);
