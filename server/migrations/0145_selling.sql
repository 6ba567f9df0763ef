-- Stock by counters: one for each tier or pool, and for each date if it is sold by dates. Seats, holds and
-- orders that know their price.

-- What may be sold now, and at which version of the event: nobody buys at a price that has changed.
CREATE TABLE event_sales (
    event_id TEXT PRIMARY KEY REFERENCES events (id),
    version BIGINT NOT NULL,
    selling BOOLEAN NOT NULL,
    -- A hash of all counters with their capacities: a change that leaves them alone writes none of them.
    plan BYTEA,
    -- Nobody may leave a single free seat between taken ones, where it can be avoided.
    no_single_seats BOOLEAN NOT NULL DEFAULT FALSE,
    -- A companion's seat is only sold together with the place that it belongs to.
    companions_with_their_place BOOLEAN NOT NULL DEFAULT TRUE,
    -- Every order waits until the organiser accepts it.
    needs_approval BOOLEAN NOT NULL DEFAULT FALSE
);
INSERT INTO event_sales (event_id, version, selling) SELECT id, version, state = 'published' FROM events;

CREATE TABLE stock (
    event_id TEXT NOT NULL REFERENCES events (id),
    -- A tier or a pool.
    counter TEXT NOT NULL,
    -- Empty: for all dates together.
    occurrence_id TEXT NOT NULL DEFAULT '',
    capacity BIGINT NOT NULL CHECK (capacity >= 0),
    held BIGINT NOT NULL CHECK (held >= 0),
    sold BIGINT NOT NULL CHECK (sold >= 0),
    -- As in event_sales: here as well, since a statement that had to wait for this row looks again at this
    -- row only.
    selling BOOLEAN NOT NULL,
    PRIMARY KEY (counter, occurrence_id),
    CHECK (held + sold <= capacity)
);
INSERT INTO stock (event_id, counter, occurrence_id, capacity, held, sold, selling)
    SELECT s.event_id, s.tier_id, '', s.capacity, s.held, s.sold, e.state = 'published'
    FROM tier_stock s JOIN events e ON e.id = s.event_id;
CREATE INDEX stock_by_event ON stock (event_id, counter);
DROP TABLE tier_stock;

-- A row only for what is taken, or was: what is held until a time that is over is free.
CREATE TABLE taken_seats (
    occurrence_id TEXT NOT NULL,
    seat_id TEXT NOT NULL,
    event_id TEXT NOT NULL REFERENCES events (id),
    state TEXT NOT NULL CHECK (state IN ('held', 'sold', 'blocked')),
    -- The hold, the order that had none, or 'organiser'.
    holder TEXT NOT NULL,
    until_at BIGINT NOT NULL,
    -- When it was asked for: a hold that had run out by then is taken over.
    asked_at BIGINT NOT NULL,
    PRIMARY KEY (occurrence_id, seat_id)
);
CREATE INDEX taken_seats_by_event ON taken_seats (event_id);

ALTER TABLE holds ADD COLUMN currency TEXT;
ALTER TABLE holds ADD COLUMN total_minor BIGINT;
-- All that the price came from, as JSON; the order takes it over.
ALTER TABLE holds ADD COLUMN snapshot TEXT;
-- What it has taken of which counter, as JSON: that goes back, however the event is changed meanwhile.
ALTER TABLE holds ADD COLUMN stock TEXT;
-- Whether codes are reserved in its name.
ALTER TABLE holds ADD COLUMN has_codes BOOLEAN NOT NULL DEFAULT FALSE;

CREATE TABLE hold_items_by_line (
    hold_id TEXT NOT NULL REFERENCES holds (id),
    line BIGINT NOT NULL CHECK (line >= 1),
    tier_id TEXT NOT NULL REFERENCES tiers (id),
    occurrence_id TEXT,
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    unit_price_minor BIGINT NOT NULL CHECK (unit_price_minor >= 0),
    -- What is paid for the line: all in.
    total_minor BIGINT NOT NULL CHECK (total_minor >= 0),
    -- What the tier was called.
    label TEXT NOT NULL,
    -- Seats with their labels, as JSON.
    seats TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (hold_id, line)
);
INSERT INTO hold_items_by_line (hold_id, line, tier_id, quantity, unit_price_minor, total_minor, label)
    SELECT i.hold_id, ROW_NUMBER() OVER (PARTITION BY i.hold_id ORDER BY i.tier_id), i.tier_id, i.quantity,
    t.price_minor, i.quantity * t.price_minor, t.name
    FROM hold_items i JOIN tiers t ON t.id = i.tier_id;
DROP TABLE hold_items;
ALTER TABLE hold_items_by_line RENAME TO hold_items;
UPDATE holds SET
    currency = (SELECT e.currency FROM events e WHERE e.id = holds.event_id),
    total_minor = (SELECT CAST(COALESCE(SUM(i.total_minor), 0) AS BIGINT) FROM hold_items i WHERE i.hold_id = holds.id);

ALTER TABLE orders ADD COLUMN snapshot TEXT;
-- The hold that it took over: its seats are taken in that name.
ALTER TABLE orders ADD COLUMN hold_id TEXT;
ALTER TABLE orders ADD COLUMN stock TEXT;
ALTER TABLE orders ADD COLUMN has_codes BOOLEAN NOT NULL DEFAULT FALSE;

CREATE TABLE order_items_by_line (
    order_id TEXT NOT NULL REFERENCES orders (id),
    line BIGINT NOT NULL CHECK (line >= 1),
    tier_id TEXT NOT NULL REFERENCES tiers (id),
    occurrence_id TEXT,
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    unit_price_minor BIGINT NOT NULL CHECK (unit_price_minor >= 0),
    total_minor BIGINT NOT NULL CHECK (total_minor >= 0),
    label TEXT NOT NULL,
    seats TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (order_id, line)
);
INSERT INTO order_items_by_line (order_id, line, tier_id, quantity, unit_price_minor, total_minor, label)
    SELECT i.order_id, ROW_NUMBER() OVER (PARTITION BY i.order_id ORDER BY i.tier_id), i.tier_id, i.quantity,
    i.unit_price_minor, i.quantity * i.unit_price_minor, t.name
    FROM order_items i JOIN tiers t ON t.id = i.tier_id;
DROP TABLE order_items;
ALTER TABLE order_items_by_line RENAME TO order_items;

-- Who comes with which ticket of an order, where that is not the buyer. The id is the order's with the
-- ticket's number in it.
CREATE TABLE attendees (
    id TEXT PRIMARY KEY,
    order_id TEXT NOT NULL REFERENCES orders (id),
    ticket BIGINT NOT NULL,
    sealed_person BYTEA NOT NULL,
    email_lookup BYTEA NOT NULL
);
CREATE INDEX attendees_by_order ON attendees (order_id, ticket);
CREATE INDEX attendees_by_email ON attendees (email_lookup);

-- What was answered to the event's questions, for the order (number -1) and for each of its tickets.
CREATE TABLE answers (
    id TEXT PRIMARY KEY,
    order_id TEXT NOT NULL REFERENCES orders (id),
    ticket BIGINT NOT NULL,
    sealed_answers BYTEA NOT NULL
);
CREATE INDEX answers_by_order ON answers (order_id, ticket);

-- The date and the seat that a ticket is for.
ALTER TABLE tickets ADD COLUMN occurrence_id TEXT;
ALTER TABLE tickets ADD COLUMN seat_id TEXT;
ALTER TABLE tickets ADD COLUMN seat_label TEXT;
