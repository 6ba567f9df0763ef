-- Keys by which secrets are sealed, each wrapped by a master key that is not in the database.
CREATE TABLE data_keys (
    id BIGINT PRIMARY KEY,
    purpose TEXT NOT NULL CHECK (purpose IN ('seal', 'mac', 'bare')),
    wrapped BYTEA NOT NULL,
    -- The fingerprint of the master key that wrapped it.
    master BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    active_from BIGINT NOT NULL,
    -- Since when nothing is sealed by it any more.
    retired_at BIGINT
);

-- What was done by whom: only ever inserted, each row bound to the one before by its hash.
CREATE TABLE audit_log (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    organisation_id TEXT,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    request_id TEXT,
    -- Whose origin it is, and the origin itself, sealed by the key of that person.
    person TEXT,
    origin BYTEA,
    previous_hash BYTEA NOT NULL,
    hash BYTEA NOT NULL
);
CREATE INDEX audit_log_by_organisation ON audit_log (organisation_id, seq);
CREATE INDEX audit_log_by_actor ON audit_log (actor, seq);
CREATE INDEX audit_log_by_subject ON audit_log (subject, seq);
CREATE INDEX audit_log_by_person ON audit_log (person, seq);
CREATE INDEX audit_log_by_time ON audit_log (at, seq);

-- Where the log ends: one row, made together with the key of its MAC. It is taken last in a write.
CREATE TABLE audit_head (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    mac BYTEA NOT NULL
);

-- Whoever's key is deleted here is forgotten by the log, which stays whole all the same.
CREATE TABLE audit_persons (
    person TEXT PRIMARY KEY,
    sealed_key BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

-- What was set over the defaults in the code; no value means that it was set back to the default.
CREATE TABLE settings (
    key TEXT PRIMARY KEY,
    value TEXT,
    version BIGINT NOT NULL CHECK (version >= 1),
    updated_at BIGINT NOT NULL
);

CREATE TABLE settings_history (
    key TEXT NOT NULL REFERENCES settings (key),
    version BIGINT NOT NULL,
    old_value TEXT,
    new_value TEXT,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (key, version)
);
