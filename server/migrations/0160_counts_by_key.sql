-- Purchase limits: an order that was paid by several means of payment, or merged of orders that were counted
-- by different keys, is counted by each of them.
CREATE TABLE order_key_counts (
    order_id TEXT NOT NULL REFERENCES orders (id),
    event_id TEXT NOT NULL REFERENCES events (id),
    kind TEXT NOT NULL,
    key_hash BYTEA NOT NULL,
    tickets BIGINT NOT NULL CHECK (tickets >= 0),
    counted BOOLEAN NOT NULL,
    PRIMARY KEY (order_id, kind, key_hash)
);
INSERT INTO order_key_counts (order_id, event_id, kind, key_hash, tickets, counted)
    SELECT order_id, event_id, kind, key_hash, tickets, counted FROM order_counts;
DROP TABLE order_counts;
ALTER TABLE order_key_counts RENAME TO order_counts;
