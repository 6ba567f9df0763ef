-- Who waits is read in the order in which they are served, and what is resold in that of its prices, however
-- many there are.
CREATE INDEX waitlist_entries_next ON waitlist_entries (tier_id, occurrence_id, (0 - priority), joined_at, id)
    WHERE state = 'waiting';
CREATE INDEX waitlist_entries_in_order ON waitlist_entries (event_id, (0 - priority), joined_at, id);
DROP INDEX waitlist_entries_by_event;
CREATE INDEX resale_listings_by_price ON resale_listings (event_id, price_minor, id) WHERE settled_at IS NULL;
