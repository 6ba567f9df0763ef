-- Fraud: how many orders one means of payment makes. A keyed hash; empty if not known or forgotten.
ALTER TABLE order_scores ADD COLUMN payment_key TEXT NOT NULL DEFAULT '';
CREATE INDEX order_scores_by_payment ON order_scores (payment_key, scored_at) WHERE payment_key <> '';
