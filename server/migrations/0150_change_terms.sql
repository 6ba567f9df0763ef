-- By what an order is changed: the policies that held when it was bought, and the codes that it was bought
-- with.

-- Policies that were replaced or dropped: whoever bought by them keeps their right.
CREATE TABLE policy_versions (
    organisation_id TEXT NOT NULL,
    -- Empty: the organisation's.
    event_id TEXT NOT NULL,
    region TEXT NOT NULL,
    definition TEXT NOT NULL,
    -- They held from this moment until before that one.
    from_at BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    PRIMARY KEY (organisation_id, event_id, region, from_at)
);

-- When what it is for was bought; NULL: when it was made.
ALTER TABLE orders ADD COLUMN bought_at BIGINT;
-- The rules of its codes as it was bought, as JSON; NULL: as its snapshot says.
ALTER TABLE orders ADD COLUMN codes TEXT;
-- What which code took off each of its units, as JSON; NULL: as it was bought.
ALTER TABLE order_items ADD COLUMN codes TEXT;

-- For how many uses it counts: what a change adds to an order that has the code is no further use of it.
ALTER TABLE promo_code_uses ADD COLUMN uses BIGINT NOT NULL DEFAULT 1;
