-- Those who wait: rooms of events that are sold out, several tickets of others for one who wants several, and
-- orders that the organiser accepts.

-- Since when everything is sold, if it is so; kept when the room ends by itself.
ALTER TABLE waiting_rooms ADD COLUMN sold_out_at BIGINT;

-- Which listings a hold is of, a line each, whatever became of either: payments may come late.
CREATE TABLE resale_holds_by_line (
    hold_id TEXT NOT NULL,
    line BIGINT NOT NULL CHECK (line >= 1),
    listing_id TEXT NOT NULL REFERENCES resale_listings (id),
    PRIMARY KEY (hold_id, line)
);
INSERT INTO resale_holds_by_line (hold_id, line, listing_id) SELECT hold_id, 1, listing_id FROM resale_holds;
DROP TABLE resale_holds;
ALTER TABLE resale_holds_by_line RENAME TO resale_holds;
CREATE INDEX resale_holds_by_listing ON resale_holds (listing_id);

-- The line of the buyer's order; NULL if it is not sold. Its ticket has the number before it.
ALTER TABLE resale_listings ADD COLUMN buyer_line BIGINT;
UPDATE resale_listings SET buyer_line = 1 WHERE state = 'sold';
CREATE INDEX resale_listings_by_tier ON resale_listings (tier_id, sold_by_date, id) WHERE state = 'listed';

-- Whether orders with a ticket of it wait until the organiser accepts them.
ALTER TABLE tiers ADD COLUMN needs_approval BOOLEAN NOT NULL DEFAULT FALSE;
