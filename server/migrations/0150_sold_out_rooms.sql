-- Waiting rooms of events that are sold out: since when, if it is so; kept when the room ends by itself.
ALTER TABLE waiting_rooms ADD COLUMN sold_out_at BIGINT;
