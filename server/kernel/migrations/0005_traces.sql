-- Where in which trace a job was added or an entry written (W3C traceparent), so that whoever goes
-- on with it is seen to.
ALTER TABLE jobs ADD COLUMN traceparent TEXT;
ALTER TABLE outbox ADD COLUMN traceparent TEXT;
