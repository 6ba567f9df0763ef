-- Sign-in by other identity providers, besides 0102.

-- When the browser's second step (SAML: the form that the provider made it post) was accepted.
ALTER TABLE sso_states ADD COLUMN answered_at BIGINT;

-- For which mail domains an organisation says who somebody is. A claim counts once the platform
-- has confirmed it, for one organisation at most.
CREATE TABLE sso_domains (
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    domain TEXT NOT NULL,
    claimed_by TEXT NOT NULL,
    claimed_at BIGINT NOT NULL,
    confirmed_by TEXT,
    confirmed_at BIGINT,
    PRIMARY KEY (organisation_id, domain)
);
CREATE UNIQUE INDEX sso_domains_confirmed ON sso_domains (domain) WHERE confirmed_at IS NOT NULL;
