-- What there is to know of an event besides its name, dates and prices; its questions and policies;
-- what an organisation says of itself.

-- What holds a published event back.
ALTER TABLE events ADD COLUMN brake TEXT NOT NULL DEFAULT 'none' CHECK (brake IN ('none', 'paused', 'postponed'));
-- JSON: its language and its texts in others, categories, tags, performers, programme, age, access.
ALTER TABLE events ADD COLUMN details TEXT NOT NULL DEFAULT '{}';

-- A question that is not asked any more is retired, never dropped: it may have answers.
CREATE TABLE questions (
    id TEXT PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (id),
    position BIGINT NOT NULL CHECK (position >= 0),
    definition TEXT NOT NULL,
    retired_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX questions_by_event ON questions (event_id, position);

-- Policies of an organisation, and of events on their own; one for each region.
CREATE TABLE policies (
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    -- Empty: of all events that have none of their own.
    event_id TEXT NOT NULL DEFAULT '',
    region TEXT NOT NULL CHECK (length(region) BETWEEN 1 AND 2),
    definition TEXT NOT NULL,
    revision BIGINT NOT NULL CHECK (revision >= 1),
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (organisation_id, event_id, region)
);
CREATE INDEX policies_by_event ON policies (event_id);

CREATE TABLE organisation_profiles (
    organisation_id TEXT PRIMARY KEY REFERENCES organisations (id),
    profile TEXT NOT NULL,
    -- None: the pages look as they always do.
    brand TEXT,
    revision BIGINT NOT NULL CHECK (revision >= 1),
    updated_at BIGINT NOT NULL
);
