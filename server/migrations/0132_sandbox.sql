-- Sandbox organisations: for trying things out, without money.

-- Given when the organisation is made, and never changed.
ALTER TABLE organisations ADD COLUMN mode TEXT NOT NULL DEFAULT 'live' CHECK (mode IN ('live', 'sandbox'));

-- Whether it is of a sandbox, as its organisation is: reports and pages need not look there.
ALTER TABLE events ADD COLUMN sandbox BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE orders ADD COLUMN sandbox BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE tickets ADD COLUMN sandbox BOOLEAN NOT NULL DEFAULT FALSE;

CREATE INDEX events_on_sale ON events (organisation_id, state);
