-- Venues, and the seat maps of their halls.

CREATE TABLE venues (
    id TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    -- In one language, for lists; all of them are in the definition.
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    country TEXT NOT NULL CHECK (length(country) = 2),
    -- Names, address, position, time zone and access notes, as JSON.
    definition TEXT NOT NULL,
    version BIGINT NOT NULL CHECK (version >= 1),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX venues_by_organisation ON venues (organisation_id, id);
CREATE INDEX venues_by_name ON venues (organisation_id, name, id);

-- Name and address stay beside it: what is shown of an event does not change with its venue.
ALTER TABLE events ADD COLUMN venue_id TEXT REFERENCES venues (id);
CREATE INDEX events_by_venue ON events (venue_id);

CREATE TABLE seat_maps (
    id TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    venue_id TEXT REFERENCES venues (id),
    -- Of the newest version, as are the counts.
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    seats BIGINT NOT NULL CHECK (seats >= 0),
    standing BIGINT NOT NULL CHECK (standing >= 0),
    version BIGINT NOT NULL CHECK (version >= 1),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX seat_maps_by_organisation ON seat_maps (organisation_id, id);
CREATE INDEX seat_maps_by_name ON seat_maps (organisation_id, name, id);
CREATE INDEX seat_maps_by_venue ON seat_maps (venue_id);

-- Written once and never changed: dates name map and version.
CREATE TABLE seat_map_versions (
    map_id TEXT NOT NULL REFERENCES seat_maps (id),
    version BIGINT NOT NULL CHECK (version >= 1),
    -- The map in its format, as JSON.
    body TEXT NOT NULL,
    name TEXT NOT NULL,
    seats BIGINT NOT NULL,
    standing BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (map_id, version)
);
