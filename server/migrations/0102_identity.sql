-- Who may do what. Tokens, codes and passwords are stored as hashes; what is personal is sealed by
-- the vault, and found by a keyed hash (`email_lookup`).

-- people

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    email_lookup BYTEA UNIQUE,
    -- E-mail address, name, language, telephone: sealed JSON; empty once erased.
    sealed_profile BYTEA NOT NULL,
    password_hash TEXT,
    password_changed_at BIGINT,
    email_verified_at BIGINT,
    state TEXT NOT NULL CHECK (state IN ('active', 'deactivated', 'erased')),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CHECK (state = 'erased' OR email_lookup IS NOT NULL)
);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    token_hash BYTEA NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('page', 'app')),
    -- How the person proved who they are, such as "password totp".
    methods TEXT NOT NULL,
    is_mfa BOOLEAN NOT NULL,
    authenticated_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    idle_ms BIGINT NOT NULL CHECK (idle_ms > 0),
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    -- Address and browser, sealed JSON.
    sealed_origin BYTEA NOT NULL,
    -- A platform administrator who acts as this user, by a reasoned and limited impersonation.
    impersonation_id TEXT
);
CREATE INDEX sessions_by_user ON sessions (user_id, id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE refresh_tokens (
    token_hash BYTEA PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id),
    created_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);

-- Links and codes that count once: verification, reset, sign-in by mail, second factors.
CREATE TABLE one_time_tokens (
    token_hash BYTEA PRIMARY KEY,
    purpose TEXT NOT NULL,
    user_id TEXT REFERENCES users (id),
    sealed_content BYTEA,
    attempts BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX one_time_tokens_by_user ON one_time_tokens (user_id, purpose);
CREATE INDEX one_time_tokens_by_expiry ON one_time_tokens (expires_at);

-- Failures that slow further tries down, by a keyed hash of whom or what they are about.
CREATE TABLE throttles (
    key_hash BYTEA PRIMARY KEY,
    failures BIGINT NOT NULL CHECK (failures >= 0),
    blocked_until BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX throttles_by_age ON throttles (updated_at);

CREATE TABLE sign_in_attempts (
    id TEXT PRIMARY KEY,
    user_id TEXT REFERENCES users (id),
    method TEXT NOT NULL,
    outcome TEXT NOT NULL,
    is_suspicious BOOLEAN NOT NULL,
    sealed_origin BYTEA NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX sign_in_attempts_by_user ON sign_in_attempts (user_id, id);
CREATE INDEX sign_in_attempts_by_age ON sign_in_attempts (at);

-- Browsers and phones from which somebody signed in before, by the hash of a cookie of their own.
CREATE TABLE known_devices (
    user_id TEXT NOT NULL REFERENCES users (id),
    device_hash BYTEA NOT NULL,
    sealed_origin BYTEA NOT NULL,
    first_seen_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, device_hash)
);

CREATE TABLE mfa_methods (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL CHECK (kind IN ('totp', 'email', 'sms')),
    sealed_secret BYTEA NOT NULL,
    -- The last time step that was accepted: a code counts once (RFC 6238, section 5.2).
    last_step BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    confirmed_at BIGINT
);
CREATE INDEX mfa_methods_by_user ON mfa_methods (user_id);

CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES users (id),
    code_hash BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (user_id, code_hash)
);

CREATE TABLE passkeys (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    credential_id BYTEA NOT NULL UNIQUE,
    sealed_credential BYTEA NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX passkeys_by_user ON passkeys (user_id);

-- What somebody agreed to or took back; only ever added to.
CREATE TABLE consents (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL,
    version TEXT NOT NULL,
    is_given BOOLEAN NOT NULL,
    source TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX consents_by_user ON consents (user_id, id);

-- organisations

ALTER TABLE organisations ADD COLUMN requires_mfa BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE organisations ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;

CREATE TABLE members (
    id TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    -- The role for everything; without it, the roles of `member_events` are all there is.
    role TEXT CHECK (role IN ('owner', 'manager', 'box_office', 'door_staff', 'door_supervisor', 'finance', 'marketing', 'viewer')),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    removed_at BIGINT,
    UNIQUE (organisation_id, user_id)
);
CREATE INDEX members_by_user ON members (user_id);
CREATE INDEX members_by_organisation ON members (organisation_id, id);

CREATE TABLE member_events (
    member_id TEXT NOT NULL REFERENCES members (id),
    event_id TEXT NOT NULL REFERENCES events (id),
    role TEXT NOT NULL CHECK (role IN ('manager', 'box_office', 'door_staff', 'door_supervisor', 'finance', 'marketing', 'viewer')),
    PRIMARY KEY (member_id, event_id)
);
CREATE INDEX member_events_by_event ON member_events (event_id);

CREATE TABLE invitations (
    id TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    email_lookup BYTEA NOT NULL,
    sealed_email BYTEA NOT NULL,
    role TEXT,
    -- Roles for single events: JSON [["evt_…", "viewer"], …].
    event_roles TEXT NOT NULL,
    token_hash BYTEA NOT NULL UNIQUE,
    invited_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    accepted_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX invitations_by_organisation ON invitations (organisation_id, id);

-- A short number by which a member says who they are on a till or phone that others use too.
CREATE TABLE staff_pins (
    member_id TEXT PRIMARY KEY REFERENCES members (id),
    pin_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);

-- programs

-- Permissions as a JSON list; NULL: all that a key can have.
ALTER TABLE api_keys ADD COLUMN scopes TEXT;
ALTER TABLE api_keys ADD COLUMN event_id TEXT REFERENCES events (id);
ALTER TABLE api_keys ADD COLUMN expires_at BIGINT;
ALTER TABLE api_keys ADD COLUMN last_used_at BIGINT;
ALTER TABLE api_keys ADD COLUMN created_by TEXT NOT NULL DEFAULT 'command line';

CREATE TABLE oauth_clients (
    id TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    kind TEXT NOT NULL CHECK (kind IN ('public', 'confidential', 'service')),
    secret_hash BYTEA,
    redirect_uris TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX oauth_clients_by_organisation ON oauth_clients (organisation_id, id);

-- What a person allowed a client to do for an organisation; or a service credential acting by itself.
CREATE TABLE oauth_grants (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES oauth_clients (id),
    user_id TEXT REFERENCES users (id),
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX oauth_grants_by_client ON oauth_grants (client_id);
CREATE INDEX oauth_grants_by_user ON oauth_grants (user_id);

CREATE TABLE oauth_codes (
    code_hash BYTEA PRIMARY KEY,
    grant_id TEXT NOT NULL REFERENCES oauth_grants (id),
    redirect_uri TEXT NOT NULL,
    code_challenge TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);

CREATE TABLE oauth_tokens (
    token_hash BYTEA PRIMARY KEY,
    grant_id TEXT NOT NULL REFERENCES oauth_grants (id),
    kind TEXT NOT NULL CHECK (kind IN ('access', 'refresh')),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX oauth_tokens_by_grant ON oauth_tokens (grant_id);
CREATE INDEX oauth_tokens_by_expiry ON oauth_tokens (expires_at);

-- Keys that sign access tokens.
CREATE TABLE token_keys (
    key_id TEXT PRIMARY KEY,
    public_key BYTEA NOT NULL,
    sealed_secret BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    -- It signs until then, and is trusted for as long as what it signed last.
    signs_until BIGINT NOT NULL,
    trusted_until BIGINT NOT NULL
);

-- other identity providers

CREATE TABLE sso_connections (
    id TEXT PRIMARY KEY,
    -- NULL: for everybody, such as a social network.
    organisation_id TEXT REFERENCES organisations (id),
    slug TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('oidc', 'saml')),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    -- Addresses, client id and secret, certificates: sealed JSON.
    sealed_config BYTEA NOT NULL,
    -- Which attribute gives which role: JSON.
    role_mapping TEXT NOT NULL,
    is_enabled BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX sso_connections_by_organisation ON sso_connections (organisation_id);

CREATE TABLE identity_links (
    connection_id TEXT NOT NULL REFERENCES sso_connections (id),
    subject TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (connection_id, subject)
);
CREATE INDEX identity_links_by_user ON identity_links (user_id);

-- A sign-in that went to an identity provider and has not come back.
CREATE TABLE sso_states (
    state_hash BYTEA PRIMARY KEY,
    connection_id TEXT NOT NULL REFERENCES sso_connections (id),
    -- The browser that it must come back to.
    browser_hash BYTEA NOT NULL,
    sealed_content BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX sso_states_by_expiry ON sso_states (expires_at);

-- Assertions that were accepted: each counts once.
CREATE TABLE saml_assertions_seen (
    connection_id TEXT NOT NULL REFERENCES sso_connections (id),
    assertion_hash BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (connection_id, assertion_hash)
);
CREATE INDEX saml_assertions_seen_by_expiry ON saml_assertions_seen (expires_at);

-- the platform's own people

CREATE TABLE platform_admins (
    user_id TEXT PRIMARY KEY REFERENCES users (id),
    granted_by TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    revoked_at BIGINT
);

CREATE TABLE impersonations (
    id TEXT PRIMARY KEY,
    admin_id TEXT NOT NULL REFERENCES users (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    reason TEXT NOT NULL CHECK (length(reason) BETWEEN 10 AND 500),
    started_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX impersonations_by_user ON impersonations (user_id, id);
CREATE INDEX impersonations_by_admin ON impersonations (admin_id, id);
