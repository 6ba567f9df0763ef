-- Written in PostgreSQL's words; for SQLite the types are translated and each table made STRICT.
-- Ids are TEXT with a prefix, times BIGINT milliseconds since the epoch, money BIGINT minor units.

-- identity

CREATE TABLE organisations (
    id TEXT PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    created_at BIGINT NOT NULL
);

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    name TEXT NOT NULL,
    token_hash BYTEA NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX api_keys_by_organisation ON api_keys (organisation_id);

-- catalog

CREATE TABLE events (
    id TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    description TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('draft', 'published', 'cancelled', 'archived')),
    time_zone TEXT NOT NULL,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    venue_name TEXT NOT NULL,
    venue_address TEXT NOT NULL,
    version BIGINT NOT NULL CHECK (version >= 1),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX events_by_organisation ON events (organisation_id, id);

CREATE TABLE event_versions (
    event_id TEXT NOT NULL REFERENCES events (id),
    version BIGINT NOT NULL,
    change TEXT NOT NULL,
    actor TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (event_id, version)
);

CREATE TABLE occurrences (
    id TEXT PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (id),
    doors_at BIGINT,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    CHECK (starts_at < ends_at),
    CHECK (doors_at IS NULL OR doors_at <= starts_at)
);
CREATE INDEX occurrences_by_event ON occurrences (event_id, starts_at);

CREATE TABLE tiers (
    id TEXT PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (id),
    number BIGINT NOT NULL CHECK (number BETWEEN 1 AND 65535),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    description TEXT NOT NULL,
    price_minor BIGINT NOT NULL CHECK (price_minor >= 0),
    capacity BIGINT NOT NULL CHECK (capacity >= 0),
    max_per_order BIGINT NOT NULL CHECK (max_per_order BETWEEN 1 AND 100),
    sales_start_at BIGINT,
    sales_end_at BIGINT,
    -- A tier may be for a part of the event, such as one day; else its tickets are valid throughout.
    valid_from_at BIGINT,
    valid_until_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (event_id, number)
);

-- sales

CREATE TABLE tier_stock (
    tier_id TEXT PRIMARY KEY REFERENCES tiers (id),
    event_id TEXT NOT NULL REFERENCES events (id),
    capacity BIGINT NOT NULL CHECK (capacity >= 0),
    held BIGINT NOT NULL CHECK (held >= 0),
    sold BIGINT NOT NULL CHECK (sold >= 0),
    -- The version of the event that the stock is sold by: nobody buys at a price that has changed.
    event_version BIGINT NOT NULL,
    CHECK (held + sold <= capacity)
);
CREATE INDEX tier_stock_by_event ON tier_stock (event_id);

CREATE TABLE holds (
    id TEXT PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (id),
    state TEXT NOT NULL CHECK (state IN ('active', 'ordered', 'released', 'expired')),
    idempotency_key TEXT,
    request_hash BYTEA,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX holds_by_idempotency_key ON holds (event_id, idempotency_key);
CREATE INDEX holds_by_expiry ON holds (expires_at) WHERE state = 'active';

CREATE TABLE hold_items (
    hold_id TEXT NOT NULL REFERENCES holds (id),
    tier_id TEXT NOT NULL REFERENCES tiers (id),
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (hold_id, tier_id)
);

CREATE TABLE orders (
    id TEXT PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (id),
    reference TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'paid', 'cancelled', 'expired', 'refunded')),
    -- Name and address of the buyer; empty once they are forgotten, as is the index of the address.
    sealed_buyer BYTEA NOT NULL,
    email_lookup BYTEA NOT NULL,
    currency TEXT NOT NULL,
    total_minor BIGINT NOT NULL CHECK (total_minor >= 0),
    idempotency_key TEXT NOT NULL,
    request_hash BYTEA NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    paid_at BIGINT,
    UNIQUE (event_id, idempotency_key),
    UNIQUE (event_id, reference)
);
CREATE INDEX orders_by_event ON orders (event_id, id);
CREATE INDEX orders_by_expiry ON orders (expires_at) WHERE state = 'pending';

CREATE TABLE order_items (
    order_id TEXT NOT NULL REFERENCES orders (id),
    tier_id TEXT NOT NULL REFERENCES tiers (id),
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    unit_price_minor BIGINT NOT NULL CHECK (unit_price_minor >= 0),
    PRIMARY KEY (order_id, tier_id)
);

-- payments

CREATE TABLE payments (
    id TEXT PRIMARY KEY,
    order_id TEXT NOT NULL REFERENCES orders (id),
    provider TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'succeeded', 'declined', 'refunded')),
    amount_minor BIGINT NOT NULL CHECK (amount_minor >= 0),
    currency TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    request_hash BYTEA NOT NULL,
    decline_code TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (order_id, idempotency_key)
);

-- tickets

CREATE TABLE event_keys (
    event_id TEXT NOT NULL REFERENCES events (id),
    key_id TEXT NOT NULL,
    public_key BYTEA NOT NULL UNIQUE,
    sealed_secret BYTEA NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_until BIGINT NOT NULL,
    revoked_at BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (event_id, key_id)
);

-- Where the feed of an event stands. Its row is taken last in each write that feeds devices, so
-- that positions are given in the order of commits.
CREATE TABLE feeds (
    event_id TEXT PRIMARY KEY REFERENCES events (id),
    epoch BIGINT NOT NULL,
    position BIGINT NOT NULL
);

CREATE TABLE tickets (
    id TEXT PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (id),
    order_id TEXT NOT NULL REFERENCES orders (id),
    tier_id TEXT NOT NULL REFERENCES tiers (id),
    tier_number BIGINT NOT NULL,
    version BIGINT NOT NULL CHECK (version BETWEEN 1 AND 65535),
    state TEXT NOT NULL CHECK (state IN ('valid', 'unpaid', 'blocked', 'cancelled', 'revoked')),
    key_id TEXT NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_until BIGINT NOT NULL,
    -- Empty once the holder is forgotten.
    sealed_holder BYTEA NOT NULL,
    order_reference TEXT NOT NULL,
    revoked_below BIGINT NOT NULL,
    feed_position BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX tickets_by_order ON tickets (order_id);
CREATE UNIQUE INDEX tickets_by_feed_position ON tickets (event_id, feed_position);

-- access

CREATE TABLE check_in_lists (
    id TEXT PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    policy TEXT NOT NULL CHECK (policy IN ('single', 'multiple', 're_entry')),
    max_entries BIGINT CHECK (max_entries BETWEEN 1 AND 65535),
    opens_at BIGINT,
    closes_at BIGINT,
    tiers TEXT,
    capacity BIGINT CHECK (capacity >= 0),
    accepts_delegated BOOLEAN NOT NULL,
    allowlist_only BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    removed_at BIGINT
);
CREATE INDEX check_in_lists_by_event ON check_in_lists (event_id);

CREATE TABLE gates (
    id TEXT PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    tiers TEXT,
    created_at BIGINT NOT NULL,
    removed_at BIGINT
);
CREATE INDEX gates_by_event ON gates (event_id);

CREATE TABLE pairings (
    id TEXT PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (id),
    code_hash BYTEA NOT NULL UNIQUE,
    list_id TEXT REFERENCES check_in_lists (id),
    gate_id TEXT REFERENCES gates (id),
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX pairings_by_event ON pairings (event_id);

-- The server itself is a device without a key, for check-ins by the API: one of each event.
CREATE TABLE devices (
    id TEXT PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (id),
    pairing_id TEXT UNIQUE REFERENCES pairings (id),
    name TEXT NOT NULL,
    software TEXT NOT NULL,
    public_key BYTEA UNIQUE,
    built_in BOOLEAN NOT NULL,
    list_id TEXT REFERENCES check_in_lists (id),
    gate_id TEXT REFERENCES gates (id),
    paired_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    clock_skew_ms BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX devices_by_event ON devices (event_id);

-- What devices must know besides tickets and redemptions: each thing once, as it was last fed and
-- at its newest position.
CREATE TABLE feed_marks (
    event_id TEXT NOT NULL REFERENCES events (id),
    kind TEXT NOT NULL CHECK (kind IN ('key', 'sibling_key', 'withdrawn_key', 'tier', 'list', 'gate')),
    about TEXT NOT NULL,
    content TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (event_id, kind, about)
);
CREATE INDEX feed_marks_by_position ON feed_marks (event_id, position);

-- Every scan that devices reported, refused ones too. Those with a standing are redemptions.
-- List and gate are what the device called them: unknown ones are kept as well.
CREATE TABLE scans (
    id TEXT PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (id),
    device_id TEXT NOT NULL REFERENCES devices (id),
    list_id TEXT NOT NULL,
    gate_id TEXT,
    direction TEXT NOT NULL CHECK (direction IN ('entry', 'exit')),
    at BIGINT NOT NULL,
    reported_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    refused TEXT,
    ticket_id TEXT,
    version BIGINT,
    code TEXT,
    standing TEXT CHECK (standing IN ('counted', 'conflict')),
    unplaced TEXT,
    feed_position BIGINT,
    CHECK (standing IS NULL OR (refused IS NULL AND unplaced IS NULL AND feed_position IS NOT NULL))
);
CREATE INDEX scans_by_ticket ON scans (ticket_id, list_id) WHERE standing IS NOT NULL;
CREATE INDEX scans_by_feed_position ON scans (event_id, feed_position) WHERE standing IS NOT NULL;
CREATE INDEX scans_by_list ON scans (list_id, direction) WHERE standing = 'counted';
CREATE INDEX scans_in_conflict ON scans (event_id, at) WHERE standing = 'conflict';
CREATE INDEX scans_unplaced ON scans (event_id, at) WHERE unplaced IS NOT NULL;
CREATE INDEX scans_by_event ON scans (event_id, at);
