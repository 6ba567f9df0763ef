-- The id of the request that added a job or wrote an entry, so that it can be found again from
-- whatever came of it.
ALTER TABLE jobs ADD COLUMN request_id TEXT;
ALTER TABLE outbox ADD COLUMN request_id TEXT;
