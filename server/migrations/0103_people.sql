-- What the sign-in of people needs besides 0102.

-- By whom a link was asked for, as a keyed hash of the address: there is no user yet when somebody registers.
ALTER TABLE one_time_tokens ADD COLUMN subject_hash BYTEA;
CREATE INDEX one_time_tokens_by_subject ON one_time_tokens (subject_hash, purpose);

-- Who used a refresh token, as a keyed hash: only they may ask again when the answer was lost.
ALTER TABLE refresh_tokens ADD COLUMN client_hash BYTEA;

CREATE INDEX sessions_by_revocation ON sessions (revoked_at);
