-- Files that answer questions: sent before the purchase, then a part of the order's answers.
CREATE TABLE answer_files (
    id TEXT PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (id),
    question_id TEXT NOT NULL REFERENCES questions (id),
    -- The order whose answers name it, and which of its tickets (-1: the order itself); none until then.
    order_id TEXT REFERENCES orders (id),
    ticket BIGINT,
    -- From which network it came, as a keyed hash; empty: from this machine.
    sender BYTEA NOT NULL,
    file_type TEXT NOT NULL CHECK (file_type IN ('pdf', 'jpeg', 'png', 'webp')),
    size_bytes BIGINT NOT NULL CHECK (size_bytes > 0),
    -- Whether it takes of the room that an event has for files of which nobody knows yet whether they will be
    -- wanted: those of no order, or of one that is not paid.
    is_waiting BOOLEAN NOT NULL DEFAULT TRUE,
    created_at BIGINT NOT NULL,
    -- Until when an order has to name it.
    expires_at BIGINT NOT NULL,
    -- Its name, and the key of its content.
    sealed_about BYTEA NOT NULL,
    CHECK ((order_id IS NULL) = (ticket IS NULL))
);
CREATE INDEX answer_files_by_order ON answer_files (order_id, ticket);
CREATE INDEX answer_files_by_event ON answer_files (event_id);
CREATE INDEX answer_files_waiting ON answer_files (event_id) WHERE is_waiting;

-- Apart, so that whoever looks for files, counts or moves them touches no content.
CREATE TABLE answer_file_contents (
    file_id TEXT PRIMARY KEY REFERENCES answer_files (id) ON DELETE CASCADE,
    content BYTEA NOT NULL
);

-- Files of one event are taken one after the other, so that its room is never taken twice.
CREATE TABLE answer_file_turns (
    event_id TEXT PRIMARY KEY REFERENCES events (id),
    taken_at BIGINT NOT NULL
);
