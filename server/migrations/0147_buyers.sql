-- sales: what organisers set, decide and write about those who buy

-- How many tickets of an event one of each may have; NULL for any number.
CREATE TABLE purchase_limits (
    event_id TEXT PRIMARY KEY REFERENCES events (id),
    per_email BIGINT CHECK (per_email BETWEEN 1 AND 1000000),
    per_account BIGINT CHECK (per_account BETWEEN 1 AND 1000000),
    per_payment BIGINT CHECK (per_payment BETWEEN 1 AND 1000000),
    per_network BIGINT CHECK (per_network BETWEEN 1 AND 1000000),
    updated_at BIGINT NOT NULL
);

-- How many tickets each has; keys are keyed hashes that mean nothing outside of their event.
CREATE TABLE purchase_counts (
    event_id TEXT NOT NULL REFERENCES events (id),
    kind TEXT NOT NULL CHECK (kind IN ('email', 'account', 'payment', 'network')),
    key_hash BYTEA NOT NULL,
    tickets BIGINT NOT NULL CHECK (tickets >= 0),
    PRIMARY KEY (event_id, kind, key_hash)
);

-- By what an order was counted, so that it can be given back.
CREATE TABLE order_counts (
    order_id TEXT NOT NULL REFERENCES orders (id),
    event_id TEXT NOT NULL REFERENCES events (id),
    kind TEXT NOT NULL,
    key_hash BYTEA NOT NULL,
    tickets BIGINT NOT NULL CHECK (tickets > 0),
    counted BOOLEAN NOT NULL,
    PRIMARY KEY (order_id, kind)
);

-- How suspicious an order looked when it was placed, and what somebody decided about it.
CREATE TABLE order_scores (
    order_id TEXT PRIMARY KEY REFERENCES orders (id),
    event_id TEXT NOT NULL REFERENCES events (id),
    score BIGINT NOT NULL CHECK (score BETWEEN 0 AND 100),
    decision TEXT NOT NULL CHECK (decision IN ('accept', 'review', 'refuse')),
    -- JSON: words and points, nothing personal.
    reasons TEXT NOT NULL,
    policy_version BIGINT NOT NULL,
    -- Keyed hashes of mailbox and network; empty if not known or forgotten.
    email_key TEXT NOT NULL,
    network_key TEXT NOT NULL,
    scored_at BIGINT NOT NULL,
    outcome TEXT CHECK (outcome IN ('accept', 'refuse')),
    decided_by TEXT,
    decided_at BIGINT,
    CHECK ((outcome IS NULL) = (decided_by IS NULL)),
    CHECK ((outcome IS NULL) = (decided_at IS NULL))
);
CREATE INDEX order_scores_by_email ON order_scores (email_key, scored_at);
CREATE INDEX order_scores_by_network ON order_scores (network_key, scored_at) WHERE network_key <> '';
CREATE INDEX order_scores_to_review ON order_scores (event_id, order_id)
    WHERE decision = 'review' AND outcome IS NULL;

CREATE TABLE order_notes (
    id TEXT PRIMARY KEY,
    order_id TEXT NOT NULL REFERENCES orders (id),
    -- What staff write of people is personal.
    sealed_text BYTEA NOT NULL,
    author TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX order_notes_by_order ON order_notes (order_id, id);

CREATE TABLE order_tags (
    order_id TEXT NOT NULL REFERENCES orders (id),
    event_id TEXT NOT NULL REFERENCES events (id),
    tag TEXT NOT NULL CHECK (length(tag) BETWEEN 1 AND 40),
    PRIMARY KEY (order_id, tag)
);
CREATE INDEX order_tags_by_event ON order_tags (event_id, tag, order_id);

-- Orders that staff made: who, how it was paid, and why.
CREATE TABLE order_origins (
    order_id TEXT PRIMARY KEY REFERENCES orders (id),
    event_id TEXT NOT NULL REFERENCES events (id),
    channel TEXT NOT NULL CHECK (channel IN ('manual', 'import')),
    method TEXT NOT NULL CHECK (method IN ('comp', 'cash', 'transfer')),
    reason TEXT NOT NULL,
    actor TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX order_origins_by_event ON order_origins (event_id, order_id);
