-- What several nodes need to know of each other's work.

-- Who has claimed a request, so that whoever lost the claim meanwhile can write nothing more; and
-- whether anything was written for it, in the same transaction as that: a request of which nothing
-- was written may be done by another node, any other may not.
ALTER TABLE idempotent_answers ADD COLUMN claim TEXT NOT NULL DEFAULT '';
ALTER TABLE idempotent_answers ADD COLUMN has_written BOOLEAN NOT NULL DEFAULT FALSE;

-- Which request, and where in which trace, led to a message.
ALTER TABLE webhook_messages ADD COLUMN request_id TEXT;
ALTER TABLE webhook_messages ADD COLUMN traceparent TEXT;
