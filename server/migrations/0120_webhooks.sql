-- Webhooks: who is told what of an organisation's events, and how that went.

CREATE TABLE webhook_endpoints (
    id TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    -- The address, which may hold a secret of its receiver; empty once the endpoint was deleted.
    sealed_url BYTEA NOT NULL,
    description TEXT NOT NULL,
    -- Event types as a JSON list.
    event_types TEXT NOT NULL,
    is_enabled BOOLEAN NOT NULL,
    -- Why it is not, if that was nobody's wish.
    disabled_reason TEXT,
    disabled_at BIGINT,
    sealed_secret BYTEA NOT NULL,
    -- Signs as well until then.
    sealed_previous_secret BYTEA,
    previous_secret_until BIGINT,
    -- When it last took something, to the minute.
    last_success_at BIGINT,
    -- When something is due to be sent; NULL: nothing waits.
    wakes_at BIGINT,
    -- Whether a job is there that looks after it then; otherwise the sweep makes one.
    has_job BOOLEAN NOT NULL DEFAULT FALSE,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX webhook_endpoints_by_organisation ON webhook_endpoints (organisation_id, id);
CREATE INDEX webhook_endpoints_by_time ON webhook_endpoints (wakes_at) WHERE wakes_at IS NOT NULL;

-- What happened, as it is sent; the same bytes in every attempt.
CREATE TABLE webhook_messages (
    id TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    event_type TEXT NOT NULL,
    payload TEXT NOT NULL,
    occurred_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX webhook_messages_by_organisation ON webhook_messages (organisation_id, id);
CREATE INDEX webhook_messages_by_age ON webhook_messages (created_at);

-- A message for one endpoint.
CREATE TABLE webhook_deliveries (
    id TEXT PRIMARY KEY,
    message_id TEXT NOT NULL REFERENCES webhook_messages (id) ON DELETE CASCADE,
    endpoint_id TEXT NOT NULL REFERENCES webhook_endpoints (id),
    event_type TEXT NOT NULL,
    state TEXT NOT NULL,
    -- How often it was tried since it was last begun, and how often it is at most.
    attempts BIGINT NOT NULL,
    most_attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    -- Whoever tries it has it until then.
    claimed_until BIGINT NOT NULL DEFAULT 0,
    -- When it was begun: made, or asked for again.
    started_at BIGINT NOT NULL,
    -- An attempt after that is the last.
    give_up_at BIGINT NOT NULL,
    last_status BIGINT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    UNIQUE (message_id, endpoint_id)
);
CREATE INDEX webhook_deliveries_of_endpoint ON webhook_deliveries (endpoint_id, id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_at) WHERE state = 'pending';

-- What came of each attempt.
CREATE TABLE webhook_attempts (
    id TEXT PRIMARY KEY,
    delivery_id TEXT NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
    at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    status BIGINT,
    latency_ms BIGINT NOT NULL,
    -- The first letters of the answer.
    answer TEXT NOT NULL
);
CREATE INDEX webhook_attempts_of_delivery ON webhook_attempts (delivery_id, id);
