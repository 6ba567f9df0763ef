-- Accounts with unusual sign-ins that no administrator of the platform has looked into since.

CREATE TABLE flagged_accounts (
    user_id TEXT PRIMARY KEY REFERENCES users (id),
    times BIGINT NOT NULL CHECK (times >= 1),
    -- Whether one of them led to a session.
    was_let_in BOOLEAN NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL
);
CREATE INDEX flagged_accounts_in_order ON flagged_accounts (last_at, user_id);
