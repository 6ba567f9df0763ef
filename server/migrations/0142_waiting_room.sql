-- Waiting rooms: who is let in to buy when more people come than can be served, and when.

CREATE TABLE waiting_rooms (
    id TEXT PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (id),
    state TEXT NOT NULL CHECK (state IN ('gathering', 'drawing', 'calling', 'open', 'ended')),
    opens_at BIGINT NOT NULL,
    -- The opening that the commitment names: it stays when the opening is moved.
    promised_at BIGINT NOT NULL,
    sealed_seed BYTEA NOT NULL,
    commitment BYTEA NOT NULL,
    beacon TEXT,
    beacon_value BYTEA,
    roster_hash BYTEA,
    seed BYTEA,
    -- How many places took part in the draw, and how many there are in all.
    drawn BIGINT NOT NULL DEFAULT 0 CHECK (drawn >= 0),
    places BIGINT NOT NULL DEFAULT 0 CHECK (places >= drawn),
    -- Up to which number everybody is called, and up to which their time is over.
    called BIGINT NOT NULL DEFAULT 0 CHECK (called >= 0 AND called <= places),
    lapsed BIGINT NOT NULL DEFAULT 0 CHECK (lapsed >= 0 AND lapsed <= called),
    -- Who of them came and who did not, and how many of each the last step knew of.
    entered BIGINT NOT NULL DEFAULT 0 CHECK (entered >= 0),
    missed BIGINT NOT NULL DEFAULT 0 CHECK (missed >= 0),
    entered_seen BIGINT NOT NULL DEFAULT 0,
    missed_seen BIGINT NOT NULL DEFAULT 0,
    inside BIGINT NOT NULL DEFAULT 0 CHECK (inside >= 0),
    most_inside BIGINT NOT NULL CHECK (most_inside >= 1),
    -- How it calls and whom it gives places, as JSON; what the steps remember, too.
    policy TEXT NOT NULL,
    pace TEXT,
    -- Raised by each step: whoever has seen an older one calls nobody.
    version BIGINT NOT NULL DEFAULT 0,
    -- Raised by each change of the organiser.
    revision BIGINT NOT NULL DEFAULT 1,
    created_at BIGINT NOT NULL,
    closed_at BIGINT,
    revealed_at BIGINT,
    ended_at BIGINT,
    -- No seed is shown before the places that it draws are fixed.
    CHECK (seed IS NULL OR roster_hash IS NOT NULL)
);
CREATE UNIQUE INDEX waiting_rooms_in_use ON waiting_rooms (event_id) WHERE state <> 'ended';
CREATE INDEX waiting_rooms_by_event ON waiting_rooms (event_id, id);
CREATE INDEX waiting_rooms_by_state ON waiting_rooms (state, opens_at);

CREATE TABLE waiting_places (
    id TEXT PRIMARY KEY,
    room_id TEXT NOT NULL REFERENCES waiting_rooms (id),
    -- Written on joining after the draw, otherwise with the first pass: the draw says it.
    number BIGINT CHECK (number >= 1),
    joined_at BIGINT NOT NULL,
    -- How many passes it was given; only the last one is good.
    serial BIGINT NOT NULL DEFAULT 0,
    pass_until_at BIGINT,
    -- When it first found the house full: it has come, and waits at the door.
    full_at BIGINT,
    entered_at BIGINT,
    left_at BIGINT,
    -- The hold, then the order, that it is inside for.
    holder TEXT
);
CREATE INDEX waiting_places_by_room ON waiting_places (room_id, id);
CREATE INDEX waiting_places_by_number ON waiting_places (room_id, number) WHERE number IS NOT NULL;
CREATE INDEX waiting_places_by_holder ON waiting_places (holder) WHERE holder IS NOT NULL;
CREATE INDEX waiting_places_at_door ON waiting_places (room_id, pass_until_at)
    WHERE full_at IS NOT NULL AND entered_at IS NULL;

-- When which numbers were called; a row a step while somebody is called, until their time is over.
CREATE TABLE waiting_calls (
    room_id TEXT NOT NULL REFERENCES waiting_rooms (id),
    upto BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (room_id, upto)
);

-- How many places accounts, devices and networks have, by hashes that mean nothing elsewhere.
CREATE TABLE waiting_counts (
    room_id TEXT NOT NULL REFERENCES waiting_rooms (id),
    kind TEXT NOT NULL CHECK (kind IN ('account', 'device', 'network')),
    key_hash BYTEA NOT NULL,
    places BIGINT NOT NULL,
    most BIGINT NOT NULL,
    PRIMARY KEY (room_id, kind, key_hash)
);
