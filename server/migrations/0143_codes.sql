-- Promo codes: what they do, how often they may be used, and for which hold or order they were.

-- Many codes of one rule, each for one order.
CREATE TABLE promo_code_batches (
    id TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    -- NULL: for all events.
    event_id TEXT REFERENCES events (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    -- How each of its codes begins, and how many random letters follow.
    prefix TEXT NOT NULL,
    letters BIGINT NOT NULL,
    rule TEXT NOT NULL,
    size BIGINT NOT NULL CHECK (size > 0),
    -- How many of its codes are there; they are made some at a time.
    made BIGINT NOT NULL DEFAULT 0 CHECK (made >= 0),
    created_by TEXT NOT NULL,
    archived_at BIGINT,
    created_at BIGINT NOT NULL,
    CHECK (made <= size)
);
CREATE INDEX promo_code_batches_by_organisation ON promo_code_batches (organisation_id, id);
CREATE INDEX promo_code_batches_by_event ON promo_code_batches (event_id) WHERE event_id IS NOT NULL;

CREATE TABLE promo_codes (
    id TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    -- NULL: for all events.
    event_id TEXT REFERENCES events (id),
    batch_id TEXT REFERENCES promo_code_batches (id),
    -- What is looked up: one form for all texts that read alike.
    form TEXT NOT NULL CHECK (length(form) BETWEEN 1 AND 40),
    -- As its maker wrote it.
    shown TEXT NOT NULL,
    name TEXT NOT NULL,
    -- NULL: that of its batch.
    rule TEXT,
    -- What the rule says of limits, where statements decide by it.
    max_uses BIGINT CHECK (max_uses > 0),
    max_uses_per_buyer BIGINT CHECK (max_uses_per_buyer > 0),
    budget_minor BIGINT CHECK (budget_minor > 0),
    -- By holds and orders alike.
    used BIGINT NOT NULL DEFAULT 0 CHECK (used >= 0),
    spent_minor BIGINT NOT NULL DEFAULT 0 CHECK (spent_minor >= 0),
    version BIGINT NOT NULL DEFAULT 1,
    archived_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CHECK (max_uses IS NULL OR used <= max_uses),
    CHECK (budget_minor IS NULL OR spent_minor <= budget_minor),
    CHECK (rule IS NOT NULL OR batch_id IS NOT NULL)
);
CREATE UNIQUE INDEX promo_codes_by_form ON promo_codes (organisation_id, form);
CREATE INDEX promo_codes_in_order ON promo_codes (organisation_id, id) WHERE batch_id IS NULL;
CREATE INDEX promo_codes_by_batch ON promo_codes (batch_id, id) WHERE batch_id IS NOT NULL;
CREATE INDEX promo_codes_by_event ON promo_codes (event_id) WHERE event_id IS NOT NULL;

-- How often somebody used a code; a hash says who.
CREATE TABLE promo_code_buyers (
    code_id TEXT NOT NULL REFERENCES promo_codes (id),
    buyer BYTEA NOT NULL,
    used BIGINT NOT NULL CHECK (used >= 0),
    PRIMARY KEY (code_id, buyer)
);
CREATE INDEX promo_code_buyers_by_buyer ON promo_code_buyers (buyer);

-- A code that a hold or an order has: it is counted exactly while it is not returned.
CREATE TABLE promo_code_uses (
    -- The id of the hold or order.
    holder TEXT NOT NULL,
    code_id TEXT NOT NULL REFERENCES promo_codes (id),
    -- For whom it is counted as well, once that is known.
    buyer BYTEA,
    units BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor >= 0),
    state TEXT NOT NULL CHECK (state IN ('reserved', 'confirmed', 'returned')),
    at BIGINT NOT NULL,
    PRIMARY KEY (holder, code_id)
);
CREATE INDEX promo_code_uses_by_code ON promo_code_uses (code_id, state);
CREATE INDEX promo_code_uses_by_buyer ON promo_code_uses (buyer) WHERE buyer IS NOT NULL;
