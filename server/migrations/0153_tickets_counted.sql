-- Purchase limits count tickets that let people in: an order may have none yet, and some later.
CREATE TABLE order_ticket_counts (
    order_id TEXT NOT NULL REFERENCES orders (id),
    event_id TEXT NOT NULL REFERENCES events (id),
    kind TEXT NOT NULL,
    key_hash BYTEA NOT NULL,
    tickets BIGINT NOT NULL CHECK (tickets >= 0),
    counted BOOLEAN NOT NULL,
    PRIMARY KEY (order_id, kind)
);
INSERT INTO order_ticket_counts (order_id, event_id, kind, key_hash, tickets, counted)
    SELECT order_id, event_id, kind, key_hash, tickets, counted FROM order_counts;
DROP TABLE order_counts;
ALTER TABLE order_ticket_counts RENAME TO order_counts;
