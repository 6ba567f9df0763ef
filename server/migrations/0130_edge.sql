-- Addresses that got nothing but refusals and are shut out for a while, for all nodes. An address is
-- personal: the row goes when the block is over, and the audit log knows its id only.

CREATE TABLE address_blocks (
    id TEXT PRIMARY KEY,
    address TEXT NOT NULL UNIQUE,
    blocked_at BIGINT NOT NULL,
    until_at BIGINT NOT NULL CHECK (until_at > blocked_at)
);
CREATE INDEX address_blocks_by_end ON address_blocks (until_at);

-- What was answered to requests that carry an Idempotency-Key, so that a repeated one is answered the
-- same and not done again. The id is a hash of who asked, what for, and the key.
CREATE TABLE idempotent_answers (
    id TEXT PRIMARY KEY,
    request_hash BYTEA NOT NULL,
    -- Whoever works on it has until then; without an answer by then it may be tried again.
    claimed_until BIGINT NOT NULL,
    is_answered BOOLEAN NOT NULL,
    -- Status, headers and body: may hold a secret that is shown once.
    sealed_answer BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX idempotent_answers_by_end ON idempotent_answers (expires_at);
