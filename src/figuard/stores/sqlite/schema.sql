-- The schema as it is today: what all files in migrations/ add up to (tested). Records whole as JSON in `data`,
-- beside the columns by which they are found; and the ledger, which only ever grows. Amounts are whole numbers of
-- 10^-8, times are microseconds since 1970-01-01T00:00:00Z.

CREATE TABLE budgets (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    external_reference TEXT,
    measure TEXT NOT NULL,
    search TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    status TEXT NOT NULL,
    ending_at INTEGER,
    data TEXT NOT NULL
);
CREATE INDEX budgets_tenants ON budgets (tenant_id, created_at, id);
-- Not unique: a budget that has expired is still stored as ACTIVE, and its reference may be used again.
CREATE INDEX budgets_references ON budgets (tenant_id, external_reference, created_at, id)
    WHERE external_reference IS NOT NULL AND status IN ('ACTIVE', 'PAUSED');
CREATE INDEX budgets_endings ON budgets (ending_at, id) WHERE ending_at IS NOT NULL;

CREATE TABLE events (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    budget_id TEXT NOT NULL REFERENCES budgets (id),
    key TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    entity_id TEXT,
    trace_id TEXT,
    agent_id TEXT NOT NULL,
    category TEXT,
    parent_id TEXT,
    root_id TEXT,
    created_at INTEGER NOT NULL,
    requested INTEGER NOT NULL CHECK (requested >= 0),
    decision TEXT NOT NULL,
    confirmed INTEGER CHECK (confirmed >= 0),
    held INTEGER NOT NULL CHECK (held >= 0),
    booked INTEGER NOT NULL CHECK (booked >= 0),
    refunded INTEGER NOT NULL CHECK (refunded >= 0),
    shadow INTEGER NOT NULL CHECK (shadow IN (0, 1)),
    hold_expires_at INTEGER,
    void_due_at INTEGER,
    data TEXT NOT NULL
);
CREATE UNIQUE INDEX events_attempts ON events (budget_id, shadow, key, attempt);
CREATE INDEX events_created ON events (budget_id, created_at, id);
CREATE INDEX events_entities ON events (budget_id, entity_id, created_at, id)
    WHERE entity_id IS NOT NULL AND decision IN ('AUTHORIZED', 'CONFIRMED');
-- It ends with what its condition is about, so that a sweep is answered by the index alone.
CREATE INDEX events_undecided ON events (budget_id, hold_expires_at, void_due_at, decision)
    WHERE decision = 'AUTHORIZED';
CREATE INDEX events_parents ON events (parent_id) WHERE parent_id IS NOT NULL;
-- Most events are a chain of their own and need no place here.
CREATE INDEX events_chains ON events (root_id) WHERE root_id <> id;

CREATE TABLE tokens (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    budget_id TEXT NOT NULL REFERENCES budgets (id),
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    hash TEXT NOT NULL,
    previous_hash TEXT,
    revoked_at INTEGER,
    data TEXT NOT NULL
);
CREATE UNIQUE INDEX tokens_hashes ON tokens (hash);
CREATE INDEX tokens_previous_hashes ON tokens (previous_hash) WHERE previous_hash IS NOT NULL;
CREATE INDEX tokens_budgets ON tokens (budget_id, created_at, id);
CREATE UNIQUE INDEX tokens_labels ON tokens (budget_id, label) WHERE kind = 'DELEGATION' AND revoked_at IS NULL;

CREATE TABLE subscriptions (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    external_subscriber_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    status TEXT NOT NULL,
    data TEXT NOT NULL
);
CREATE UNIQUE INDEX subscriptions_subscribers ON subscriptions (tenant_id, external_subscriber_id);
CREATE INDEX subscriptions_tenants ON subscriptions (tenant_id, created_at, id);

CREATE TABLE items (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL REFERENCES subscriptions (id),
    created_at INTEGER NOT NULL,
    next_renewal_at INTEGER NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX items_subscriptions ON items (subscription_id, created_at, id);
CREATE INDEX items_renewals ON items (next_renewal_at, id);

CREATE TABLE webhooks (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER,
    data TEXT NOT NULL
);
CREATE INDEX webhooks_tenants ON webhooks (tenant_id, created_at, id);

CREATE TABLE deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    webhook_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    status TEXT NOT NULL,
    due_at INTEGER,
    data TEXT NOT NULL
);
CREATE INDEX deliveries_tenants ON deliveries (tenant_id, created_at, id);
CREATE INDEX deliveries_due ON deliveries (due_at, id) WHERE due_at IS NOT NULL;
-- The book, and the age below, as they stand in the JSON: functions of JSON are not for indexes of a distrusted schema.
CREATE INDEX deliveries_lines ON deliveries (
    webhook_id,
    substr(substr(data, instr(data, '"book_id":"') + 11), 1,
        instr(substr(data, instr(data, '"book_id":"') + 11), '"') - 1),
    created_at, id
) WHERE due_at IS NOT NULL;

CREATE TABLE receipts (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    budget_id TEXT NOT NULL REFERENCES budgets (id),
    token TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    data TEXT NOT NULL
);
CREATE UNIQUE INDEX receipts_tokens ON receipts (token);
CREATE INDEX receipts_budgets ON receipts (budget_id, created_at, id);

CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    data TEXT NOT NULL
);
CREATE UNIQUE INDEX api_keys_hashes ON api_keys (hash);
CREATE INDEX api_keys_tenants ON api_keys (tenant_id, created_at, id);

CREATE TABLE tenants (
    id TEXT NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    data TEXT NOT NULL
);

CREATE TABLE remembered (
    tenant_id TEXT NOT NULL,
    operation TEXT NOT NULL,
    key TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (tenant_id, operation, key)
);
CREATE INDEX remembered_ages ON remembered (CAST(substr(data, instr(data, '"created_at":') + 13) AS INTEGER));

CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- `body` holds the very bytes that were hashed.
CREATE TABLE ledger_entries (
    book_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    tenant_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    event_id TEXT,
    body BLOB NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (book_id, seq)
);
CREATE INDEX ledger_books ON ledger_entries (book_id, tenant_id, seq) WHERE seq = 1;

CREATE TRIGGER ledger_entries_never_change BEFORE UPDATE ON ledger_entries
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only: an entry cannot be changed; write a compensating one');
END;
CREATE TRIGGER ledger_entries_never_go BEFORE DELETE ON ledger_entries
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only: an entry cannot be deleted; write a compensating one');
END;
-- INSERT OR REPLACE would delete without asking the trigger above.
CREATE TRIGGER ledger_entries_never_give_way BEFORE INSERT ON ledger_entries
WHEN EXISTS (SELECT 1 FROM ledger_entries WHERE book_id = NEW.book_id AND seq = NEW.seq)
BEGIN
    SELECT RAISE(ABORT, 'the book has an entry of this number already');
END;
