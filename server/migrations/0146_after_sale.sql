-- What happens after and beside a sale: tickets that change hands, and who waits for what comes back.

-- tickets

-- An offer of a ticket to somebody, and what became of it.
CREATE TABLE ticket_transfers (
    id TEXT PRIMARY KEY,
    ticket_id TEXT NOT NULL REFERENCES tickets (id),
    event_id TEXT NOT NULL REFERENCES events (id),
    -- The version that was offered: only that one can be accepted.
    ticket_version BIGINT NOT NULL,
    -- By which transfer whoever offers had got it; NULL if by its order.
    from_transfer_id TEXT REFERENCES ticket_transfers (id),
    state TEXT NOT NULL CHECK (state IN ('pending', 'accepted', 'declined', 'cancelled', 'expired')),
    -- The address of whom it is for; empty once they are forgotten, as is its index.
    sealed_receiver BYTEA NOT NULL,
    email_lookup BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    settled_at BIGINT,
    CHECK ((state = 'pending') = (settled_at IS NULL))
);
-- A ticket is offered to one at a time.
CREATE UNIQUE INDEX ticket_transfers_pending ON ticket_transfers (ticket_id) WHERE state = 'pending';
CREATE INDEX ticket_transfers_by_ticket ON ticket_transfers (ticket_id, id);
CREATE INDEX ticket_transfers_by_expiry ON ticket_transfers (expires_at) WHERE state = 'pending';
CREATE INDEX ticket_transfers_by_receiver ON ticket_transfers (email_lookup);

-- The transfer by which its holder got it; NULL while it is its order's. And how often it was passed on.
ALTER TABLE tickets ADD COLUMN transfer_id TEXT;
ALTER TABLE tickets ADD COLUMN passed_on BIGINT NOT NULL DEFAULT 0;

-- sales

-- Who waits for tickets of a tier, of one date if the tier is sold by dates ('' if not).
CREATE TABLE waitlist_entries (
    id TEXT PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (id),
    tier_id TEXT NOT NULL REFERENCES tiers (id),
    occurrence_id TEXT NOT NULL DEFAULT '',
    sealed_person BYTEA NOT NULL,
    person_hash BYTEA NOT NULL,
    most BIGINT NOT NULL CHECK (most >= 1),
    least BIGINT NOT NULL CHECK (least BETWEEN 1 AND most),
    priority BIGINT NOT NULL DEFAULT 0,
    joined_at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'offered', 'served', 'ended')),
    passed_over BIGINT NOT NULL DEFAULT 0,
    missed BIGINT NOT NULL DEFAULT 0,
    version BIGINT NOT NULL DEFAULT 1,
    UNIQUE (tier_id, occurrence_id, person_hash)
);
CREATE INDEX waitlist_entries_by_event ON waitlist_entries (event_id, id);
CREATE INDEX waitlist_entries_by_person ON waitlist_entries (person_hash);
CREATE INDEX waitlist_entries_waiting ON waitlist_entries (event_id, tier_id, occurrence_id) WHERE state = 'waiting';

-- What they were offered: a hold that nobody else can use.
CREATE TABLE waitlist_offers (
    id TEXT PRIMARY KEY,
    entry_id TEXT NOT NULL REFERENCES waitlist_entries (id),
    event_id TEXT NOT NULL REFERENCES events (id),
    quantity BIGINT NOT NULL CHECK (quantity >= 1),
    state TEXT NOT NULL CHECK (state IN ('open', 'accepted', 'declined', 'expired')),
    hold_id TEXT NOT NULL UNIQUE REFERENCES holds (id),
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    settled_at BIGINT
);
CREATE UNIQUE INDEX waitlist_offers_open ON waitlist_offers (entry_id) WHERE state = 'open';
CREATE INDEX waitlist_offers_by_event ON waitlist_offers (event_id);
