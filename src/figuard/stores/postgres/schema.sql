-- The schema as it is today: what all files in migrations/ add up to (tested).
-- The books: records whole as JSON in `data`, beside the columns by which they are found; and the ledger, which only
-- ever grows. Amounts are whole numbers of 10^-8, times are microseconds since 1970-01-01T00:00:00Z. Text compares by
-- code point (COLLATE "C"), whatever language the database has.

-- No index on a balance, and room on each page for the next version of a row: an authorization then changes the row
-- in place (HOT). A row stays whole and uncompressed on its page, whatever its velocity rings hold.
CREATE TABLE budgets (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    external_reference text COLLATE "C",
    measure text COLLATE "C" NOT NULL,
    search text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    status text COLLATE "C" NOT NULL,
    ending_at bigint,
    data text NOT NULL
) WITH (fillfactor = 45, toast_tuple_target = 8160);
CREATE INDEX budgets_tenants ON budgets (tenant_id, created_at, id);
-- Not unique: a budget that has expired is still stored as ACTIVE, and its reference may be used again.
CREATE INDEX budgets_references ON budgets (tenant_id, external_reference, created_at, id)
    WHERE external_reference IS NOT NULL AND status IN ('ACTIVE', 'PAUSED');
CREATE INDEX budgets_endings ON budgets (ending_at, id) WHERE ending_at IS NOT NULL;

-- budget_id names a budget, which is not checked row by row: the budget is locked while an event is written, and the
-- check would cost more than an index. Verification finds an event without a budget.
CREATE TABLE events (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id text COLLATE "C" NOT NULL,
    budget_id text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    attempt bigint NOT NULL,
    entity_id text COLLATE "C",
    trace_id text COLLATE "C",
    agent_id text COLLATE "C" NOT NULL,
    category text COLLATE "C",
    parent_id text COLLATE "C",
    root_id text COLLATE "C",
    created_at bigint NOT NULL,
    requested bigint NOT NULL,
    decision text COLLATE "C" NOT NULL,
    confirmed bigint,
    held bigint NOT NULL,
    booked bigint NOT NULL,
    refunded bigint NOT NULL,
    shadow bigint NOT NULL,
    hold_expires_at bigint,
    void_due_at bigint,
    data text NOT NULL,
    -- One check, and not one for each: every statement that writes events reads them anew from the catalogue.
    CONSTRAINT events_figures CHECK (least(requested, confirmed, held, booked, refunded, shadow) >= 0 AND shadow <= 1)
);
CREATE UNIQUE INDEX events_attempts ON events (budget_id, shadow, key, attempt);
CREATE INDEX events_created ON events (budget_id, created_at, id);
CREATE INDEX events_entities ON events (budget_id, entity_id, created_at, id)
    WHERE entity_id IS NOT NULL AND decision IN ('AUTHORIZED', 'CONFIRMED');
CREATE INDEX events_undecided ON events (budget_id, hold_expires_at, void_due_at) WHERE decision = 'AUTHORIZED';
CREATE INDEX events_parents ON events (parent_id) WHERE parent_id IS NOT NULL;
-- Most events are a chain of their own and need no place here.
CREATE INDEX events_chains ON events (root_id) WHERE root_id <> id;

CREATE TABLE tokens (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id text COLLATE "C" NOT NULL,
    budget_id text COLLATE "C" NOT NULL REFERENCES budgets (id),
    kind text COLLATE "C" NOT NULL,
    label text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    hash text COLLATE "C" NOT NULL,
    previous_hash text COLLATE "C",
    revoked_at bigint,
    data text NOT NULL
);
CREATE UNIQUE INDEX tokens_hashes ON tokens (hash);
CREATE INDEX tokens_previous_hashes ON tokens (previous_hash) WHERE previous_hash IS NOT NULL;
CREATE INDEX tokens_budgets ON tokens (budget_id, created_at, id);
CREATE UNIQUE INDEX tokens_labels ON tokens (budget_id, label) WHERE kind = 'DELEGATION' AND revoked_at IS NULL;

CREATE TABLE subscriptions (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id text COLLATE "C" NOT NULL,
    external_subscriber_id text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    status text COLLATE "C" NOT NULL,
    data text NOT NULL
);
CREATE UNIQUE INDEX subscriptions_subscribers ON subscriptions (tenant_id, external_subscriber_id);
CREATE INDEX subscriptions_tenants ON subscriptions (tenant_id, created_at, id);

CREATE TABLE items (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id text COLLATE "C" NOT NULL,
    subscription_id text COLLATE "C" NOT NULL REFERENCES subscriptions (id),
    created_at bigint NOT NULL,
    next_renewal_at bigint NOT NULL,
    data text NOT NULL
);
CREATE INDEX items_subscriptions ON items (subscription_id, created_at, id);
CREATE INDEX items_renewals ON items (next_renewal_at, id);

CREATE TABLE webhooks (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    deleted_at bigint,
    data text NOT NULL
);
CREATE INDEX webhooks_tenants ON webhooks (tenant_id, created_at, id);

CREATE TABLE deliveries (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id text COLLATE "C" NOT NULL,
    webhook_id text COLLATE "C" NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    status text COLLATE "C" NOT NULL,
    due_at bigint,
    data text NOT NULL,
    -- Out of the text, which may hold what no json may (an escaped NUL in a receiver's answer, say).
    book_id text COLLATE "C" GENERATED ALWAYS AS (substring(data FROM '"book_id":"([^"]*)"')) STORED
);
CREATE INDEX deliveries_tenants ON deliveries (tenant_id, created_at, id);
CREATE INDEX deliveries_due ON deliveries (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_lines ON deliveries (webhook_id, book_id, created_at, id) WHERE due_at IS NOT NULL;

CREATE TABLE receipts (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id text COLLATE "C" NOT NULL,
    budget_id text COLLATE "C" NOT NULL REFERENCES budgets (id),
    token text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    data text NOT NULL
);
CREATE UNIQUE INDEX receipts_tokens ON receipts (token);
CREATE INDEX receipts_budgets ON receipts (budget_id, created_at, id);

CREATE TABLE api_keys (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id text COLLATE "C" NOT NULL,
    hash text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    data text NOT NULL
);
CREATE UNIQUE INDEX api_keys_hashes ON api_keys (hash);
CREATE INDEX api_keys_tenants ON api_keys (tenant_id, created_at, id);

CREATE TABLE tenants (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    created_at bigint NOT NULL,
    data text NOT NULL
);

CREATE TABLE remembered (
    tenant_id text COLLATE "C" NOT NULL,
    operation text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    data text NOT NULL,
    created_at bigint GENERATED ALWAYS AS (substring(data FROM '"created_at":(-?[0-9]+)')::bigint) STORED,
    PRIMARY KEY (tenant_id, operation, key)
);
CREATE INDEX remembered_ages ON remembered (created_at);

CREATE TABLE meta (
    key text COLLATE "C" NOT NULL PRIMARY KEY,
    value text NOT NULL
);

-- `body` holds the very bytes that were hashed.
CREATE TABLE ledger_entries (
    book_id text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    tenant_id text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    event_id text COLLATE "C",
    body bytea NOT NULL,
    hash text COLLATE "C" NOT NULL,
    PRIMARY KEY (book_id, seq)
);
CREATE INDEX ledger_books ON ledger_entries (book_id, tenant_id) WHERE seq = 1;

-- Rows on their way into a table, many in one parameter. The types stand apart from the tables, so that a column which
-- is added later does not break the servers that do not know it yet.
CREATE TYPE budgets_row AS (
    id text, tenant_id text, user_id text, external_reference text, measure text, search text, created_at bigint,
    status text, ending_at bigint, data text
);
CREATE TYPE events_row AS (
    id text, tenant_id text, budget_id text, key text, attempt bigint, entity_id text, trace_id text, agent_id text,
    category text, parent_id text, root_id text, created_at bigint, requested bigint, decision text, confirmed bigint,
    held bigint, booked bigint, refunded bigint, shadow bigint, hold_expires_at bigint, void_due_at bigint, data text
);
CREATE TYPE tokens_row AS (
    id text, tenant_id text, budget_id text, kind text, label text, created_at bigint, hash text, previous_hash text,
    revoked_at bigint, data text
);
CREATE TYPE subscriptions_row AS (
    id text, tenant_id text, external_subscriber_id text, created_at bigint, status text, data text
);
CREATE TYPE items_row AS (
    id text, tenant_id text, subscription_id text, created_at bigint, next_renewal_at bigint, data text
);
CREATE TYPE webhooks_row AS (
    id text, tenant_id text, created_at bigint, deleted_at bigint, data text
);
CREATE TYPE deliveries_row AS (
    id text, tenant_id text, webhook_id text, event_type text, created_at bigint, status text, due_at bigint,
    data text
);
CREATE TYPE receipts_row AS (
    id text, tenant_id text, budget_id text, token text, created_at bigint, data text
);
CREATE TYPE api_keys_row AS (
    id text, tenant_id text, hash text, created_at bigint, data text
);
CREATE TYPE tenants_row AS (
    id text, created_at bigint, data text
);
CREATE TYPE remembered_row AS (
    tenant_id text, operation text, key text, data text
);
CREATE TYPE ledger_entries_row AS (
    book_id text, seq bigint, tenant_id text, at bigint, kind text, event_id text, body bytea, hash text
);

-- The ledger only grows, whoever asks and however the server is replicated.
CREATE FUNCTION figuard_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % is refused; write a compensating entry', TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER ledger_entries_never_change BEFORE UPDATE OR DELETE ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION figuard_refuse();
CREATE TRIGGER ledger_entries_never_go BEFORE TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION figuard_refuse();
ALTER TABLE ledger_entries ENABLE ALWAYS TRIGGER ledger_entries_never_change;
ALTER TABLE ledger_entries ENABLE ALWAYS TRIGGER ledger_entries_never_go;

-- The second wall: a session sees the rows of the tenants that `figuard.tenant` names (separated by commas), all of
-- them for '*', and none when it is not set. FORCE, so that it holds for the owner of the tables too.
DO $$
DECLARE
    wall record;
BEGIN
    FOR wall IN
        SELECT * FROM (VALUES
            ('budgets', 'tenant_id'), ('events', 'tenant_id'), ('tokens', 'tenant_id'), ('subscriptions', 'tenant_id'),
            ('items', 'tenant_id'), ('webhooks', 'tenant_id'), ('deliveries', 'tenant_id'), ('receipts', 'tenant_id'),
            ('api_keys', 'tenant_id'), ('tenants', 'id'), ('remembered', 'tenant_id'), ('ledger_entries', 'tenant_id')
        ) AS walls (name, owner)
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', wall.name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', wall.name);
        -- In a SELECT of its own the setting is read, and taken apart, once per statement, not once per row.
        EXECUTE format(
            'CREATE POLICY tenants ON %I USING ((SELECT current_setting(''figuard.tenant'', true)) = ''*'''
            ' OR %I = ANY ((SELECT string_to_array(current_setting(''figuard.tenant'', true), '',''))::text[]))',
            wall.name, wall.owner
        );
    END LOOP;
END
$$;

-- How far the schema has come. What is `pre` only adds, so that older servers go on beside newer ones; `post` comes
-- when they are gone.
CREATE TABLE schema_version (
    version integer NOT NULL PRIMARY KEY,
    phase text NOT NULL CHECK (phase IN ('pre', 'post')),
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- What a server's role may do: never change the ledger, and delete nothing but answers that were kept long enough. The
-- owner runs it once for each such role.
CREATE FUNCTION figuard_grant(role name) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), role);
    EXECUTE format(
        'GRANT SELECT, INSERT, UPDATE ON budgets, events, tokens, subscriptions, items, webhooks, deliveries, receipts,'
        ' api_keys, tenants, remembered, meta TO %I', role
    );
    EXECUTE format('GRANT DELETE ON remembered TO %I', role);
    EXECUTE format('GRANT SELECT, INSERT ON ledger_entries TO %I', role);
    EXECUTE format('GRANT SELECT ON schema_version TO %I', role);
END
$$;
REVOKE ALL ON FUNCTION figuard_grant(name) FROM PUBLIC;
