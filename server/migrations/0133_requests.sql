-- What programs of an organisation asked the API for, for a day. Secrets and what is personal are masked before they
-- are sealed.

CREATE TABLE api_requests (
    -- Drawn when it is written, so that whoever asks for newer ones misses none.
    id TEXT PRIMARY KEY,
    -- As X-Request-Id answered it; callers choose it, so it may come twice.
    request_id TEXT NOT NULL,
    organisation_id TEXT NOT NULL REFERENCES organisations (id) ON DELETE CASCADE,
    -- Who made it, as the audit log names them; the key or the client of that; for whom a client made it.
    actor TEXT NOT NULL,
    credential TEXT NOT NULL,
    user_id TEXT,
    at BIGINT NOT NULL,
    method TEXT NOT NULL,
    route TEXT,
    status BIGINT NOT NULL,
    problem TEXT,
    duration_ms BIGINT NOT NULL,
    -- The path with its query, and the caller's network.
    sealed_head BYTEA NOT NULL,
    -- Headers and bodies.
    sealed_detail BYTEA NOT NULL
);
CREATE INDEX api_requests_by_organisation ON api_requests (organisation_id, id);
CREATE INDEX api_requests_by_credential ON api_requests (organisation_id, credential, id);
CREATE INDEX api_requests_by_request ON api_requests (organisation_id, request_id);
CREATE INDEX api_requests_by_user ON api_requests (user_id) WHERE user_id IS NOT NULL;
