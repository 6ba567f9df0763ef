-- Rules of sale and purchase limits are changed as they were seen: each has a version, 0 if nothing was said.
ALTER TABLE event_sales ADD COLUMN rules_version BIGINT NOT NULL DEFAULT 0;
UPDATE event_sales SET rules_version = 1
    WHERE no_single_seats = TRUE OR companions_with_their_place = FALSE OR needs_approval = TRUE;
ALTER TABLE purchase_limits ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
