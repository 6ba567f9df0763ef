-- Kinds of tier, capacity pools, prices as rules, recurring series.

CREATE TABLE capacity_pools (
    id TEXT PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    capacity BIGINT NOT NULL CHECK (capacity >= 0),
    per_date BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX capacity_pools_by_event ON capacity_pools (event_id);

ALTER TABLE tiers ADD COLUMN kind TEXT NOT NULL DEFAULT 'ticket'
    CHECK (kind IN ('ticket', 'add_on', 'bundle', 'donation', 'merchandise'));
-- Whether a ticket is for one date, and each date has its own stock.
ALTER TABLE tiers ADD COLUMN per_date BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE tiers ADD COLUMN pool_id TEXT REFERENCES capacity_pools (id);
ALTER TABLE tiers ADD COLUMN hidden BOOLEAN NOT NULL DEFAULT FALSE;
-- A price category of the seat maps of the event's dates.
ALTER TABLE tiers ADD COLUMN seat_category TEXT;
-- How its price comes about (TierPricing as JSON); without it, price_minor is the price.
ALTER TABLE tiers ADD COLUMN pricing TEXT;

ALTER TABLE occurrences ADD COLUMN state TEXT NOT NULL DEFAULT 'scheduled'
    CHECK (state IN ('scheduled', 'cancelled'));
-- What a series knows a date by: its local start before it was moved.
ALTER TABLE occurrences ADD COLUMN original_local TEXT;
-- What the date says itself (Settings as JSON), the topmost layer of what holds for it.
ALTER TABLE occurrences ADD COLUMN own TEXT;
-- What holds for it of prices and capacities (DateOffer as JSON), all layers together: so that
-- nobody who sells has to know of layers.
ALTER TABLE occurrences ADD COLUMN offer TEXT;
ALTER TABLE occurrences ADD COLUMN seat_map_id TEXT;
ALTER TABLE occurrences ADD COLUMN seat_map_version BIGINT;

-- The rule of an event's dates (Series as JSON). Its dates are rows of occurrences: whoever sells or
-- reads never expands a rule.
CREATE TABLE series (
    event_id TEXT PRIMARY KEY REFERENCES events (id),
    content TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Fees, group rates, place and rounding (PriceSettings as JSON): of an organisation, where event_id
-- is empty, and of single events.
CREATE TABLE price_settings (
    organisation_id TEXT NOT NULL REFERENCES organisations (id) ON DELETE CASCADE,
    event_id TEXT NOT NULL DEFAULT '',
    version BIGINT NOT NULL CHECK (version >= 1),
    content TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (organisation_id, event_id)
);
CREATE INDEX price_settings_by_event ON price_settings (event_id);

-- The taxes that an organisation charges. Lower ranks come first: compound ones build on them.
CREATE TABLE tax_rules (
    id TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id) ON DELETE CASCADE,
    country TEXT NOT NULL CHECK (length(country) = 2),
    rank BIGINT NOT NULL,
    -- Name, region and city, classes, rate, mode (TaxRuleInput as JSON).
    content TEXT NOT NULL,
    from_at BIGINT,
    until_at BIGINT,
    revision BIGINT NOT NULL CHECK (revision >= 1),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CHECK (from_at IS NULL OR until_at IS NULL OR from_at < until_at)
);
CREATE INDEX tax_rules_by_organisation ON tax_rules (organisation_id, country);
