-- Who waits is read in the order in which they are served, however many wait.
CREATE INDEX waitlist_entries_next ON waitlist_entries (tier_id, occurrence_id, (0 - priority), joined_at, id)
    WHERE state = 'waiting';
CREATE INDEX waitlist_entries_in_order ON waitlist_entries (event_id, (0 - priority), joined_at, id);
DROP INDEX waitlist_entries_by_event;
