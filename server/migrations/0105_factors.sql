-- The signature counter of a passkey, so that it is raised by one sign-in only: one that went back
-- or stands still is a copy.
ALTER TABLE passkeys ADD COLUMN sign_count BIGINT NOT NULL DEFAULT 0;
