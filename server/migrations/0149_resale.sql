-- Resale: tickets that their holders offer to others, for no more than policy and law allow.

CREATE TABLE resale_listings (
    id TEXT PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (id),
    ticket_id TEXT NOT NULL,
    -- The order that the ticket is of, and the transfer that brought it to whoever sells; NULL if it is
    -- still the order's.
    order_id TEXT NOT NULL,
    transfer_id TEXT,
    tier_id TEXT NOT NULL REFERENCES tiers (id),
    occurrence_id TEXT,
    -- The date by which the tier is sold and waited for ('' if for all dates together).
    sold_by_date TEXT NOT NULL DEFAULT '',
    seat_id TEXT,
    seat_label TEXT,
    -- What the tier was called.
    label TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('listed', 'held', 'sold', 'withdrawn', 'ended')),
    currency TEXT NOT NULL,
    -- What the buyer pays, all in, and what the organiser keeps of it.
    price_minor BIGINT NOT NULL CHECK (price_minor >= 0),
    fee_minor BIGINT NOT NULL CHECK (fee_minor BETWEEN 0 AND price_minor),
    -- What the ticket cost its seller, and what it cost its first buyer: caps stand on both.
    paid_price_minor BIGINT NOT NULL,
    paid_fees_minor BIGINT NOT NULL,
    base_price_minor BIGINT NOT NULL,
    base_fees_minor BIGINT NOT NULL,
    -- Whether everybody sees it: those who wait are asked first.
    shown BOOLEAN NOT NULL,
    -- The hold of whoever buys it, and until when, by the server's clock.
    hold_id TEXT,
    held_until BIGINT,
    buyer_order_id TEXT,
    listed_at BIGINT NOT NULL,
    -- From when on tickets are not resold, and when it was sold, withdrawn or ended.
    closes_at BIGINT NOT NULL,
    settled_at BIGINT,
    CHECK ((state = 'held') = (held_until IS NOT NULL))
);
-- A ticket is for sale once at a time.
CREATE UNIQUE INDEX resale_listings_open ON resale_listings (ticket_id) WHERE state IN ('listed', 'held');
CREATE INDEX resale_listings_by_ticket ON resale_listings (ticket_id, id);
CREATE INDEX resale_listings_by_event ON resale_listings (event_id, id);
CREATE INDEX resale_listings_listed ON resale_listings (id) WHERE state = 'listed';
CREATE INDEX resale_listings_held ON resale_listings (hold_id) WHERE state = 'held';
CREATE INDEX resale_listings_bought ON resale_listings (buyer_order_id) WHERE state = 'sold';

-- Which listing a hold is of, whatever became of either: payments may come late.
CREATE TABLE resale_holds (
    hold_id TEXT PRIMARY KEY,
    listing_id TEXT NOT NULL REFERENCES resale_listings (id)
);
CREATE INDEX resale_holds_by_listing ON resale_holds (listing_id);

-- What sellers are owed.
CREATE TABLE resale_payouts (
    id TEXT PRIMARY KEY,
    listing_id TEXT NOT NULL UNIQUE REFERENCES resale_listings (id),
    event_id TEXT NOT NULL REFERENCES events (id),
    seller_order_id TEXT NOT NULL,
    seller_transfer_id TEXT,
    buyer_order_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('owed', 'settled', 'void')),
    currency TEXT NOT NULL,
    price_minor BIGINT NOT NULL,
    fee_minor BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor >= 0),
    created_at BIGINT NOT NULL,
    settled_at BIGINT,
    CHECK (price_minor = fee_minor + amount_minor)
);
CREATE INDEX resale_payouts_by_event ON resale_payouts (event_id, id);
CREATE INDEX resale_payouts_by_seller ON resale_payouts (seller_order_id);
