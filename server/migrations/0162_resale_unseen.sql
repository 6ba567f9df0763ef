-- Listings that nobody was asked about yet: few, however many are for sale.
CREATE INDEX resale_listings_unseen ON resale_listings (tier_id, sold_by_date, id) WHERE state = 'listed' AND NOT shown;
