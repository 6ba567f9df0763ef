-- Changes of orders: tickets and seats for others, less of them, more of them, split and merged; and money
-- that goes back in parts.

-- Raised by each change, so that of two at once one is second.
ALTER TABLE orders ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
-- What was kept of what was given back: what was paid is the total, what was kept, and what went back.
ALTER TABLE orders ADD COLUMN kept_minor BIGINT NOT NULL DEFAULT 0;
-- Orders that came of one another share what was paid: the id of the first of them; NULL: it alone.
ALTER TABLE orders ADD COLUMN paid_with TEXT;
-- Where everything of it is now.
ALTER TABLE orders ADD COLUMN merged_into TEXT;
-- How many numbers its tickets have had; 0: as many as it was due when it was bought.
ALTER TABLE orders ADD COLUMN ticket_numbers BIGINT NOT NULL DEFAULT 0;
CREATE INDEX orders_by_payments ON orders (paid_with) WHERE paid_with IS NOT NULL;

-- What of the line is fees; NULL: as the order's snapshot says.
ALTER TABLE order_items ADD COLUMN fees_minor BIGINT;
-- Which tickets each of its units gives, as JSON; NULL: as it was bought.
ALTER TABLE order_items ADD COLUMN tickets TEXT;

CREATE TABLE order_changes (
    id TEXT PRIMARY KEY,
    order_id TEXT NOT NULL REFERENCES orders (id),
    idempotency_key TEXT NOT NULL,
    request_hash BYTEA NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('done', 'pending', 'void')),
    -- The version at which a pending one can be done.
    at_version BIGINT NOT NULL,
    -- What is to be paid first.
    supplement_id TEXT UNIQUE REFERENCES orders (id),
    -- What is to be done then, as JSON; nothing personal.
    plan TEXT NOT NULL,
    -- What was answered, as JSON.
    answer TEXT NOT NULL,
    actor TEXT NOT NULL,
    -- Why everything was given back; what staff write of people is personal. Empty if the policy held, or
    -- once the buyer is forgotten.
    sealed_reason BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    settled_at BIGINT,
    UNIQUE (order_id, idempotency_key)
);

-- payments

-- How much of it went back.
ALTER TABLE payments ADD COLUMN refunded_minor BIGINT NOT NULL DEFAULT 0
    CHECK (refunded_minor >= 0 AND refunded_minor <= amount_minor);
UPDATE payments SET refunded_minor = amount_minor WHERE state = 'refunded';

-- Each amount that goes back, from which payment; what no payment can give back is owed.
CREATE TABLE refunds (
    id TEXT PRIMARY KEY,
    order_id TEXT NOT NULL REFERENCES orders (id),
    payment_id TEXT REFERENCES payments (id),
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('owed', 'succeeded')),
    created_at BIGINT NOT NULL,
    CHECK ((state = 'owed') = (payment_id IS NULL))
);
CREATE INDEX refunds_by_order ON refunds (order_id, id);
