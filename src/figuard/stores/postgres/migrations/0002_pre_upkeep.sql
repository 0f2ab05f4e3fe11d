-- By what upkeep looks: the notices of one book to one webhook in their order, and answers by their age. Both come out of
-- the text of the record, so that servers which do not know them yet write them too; and out of the text, not out of
-- json, which may not hold everything that the text does (an escaped NUL in a receiver's answer, say).
ALTER TABLE deliveries ADD COLUMN book_id text COLLATE "C"
    GENERATED ALWAYS AS (substring(data FROM '"book_id":"([^"]*)"')) STORED;
CREATE INDEX deliveries_lines ON deliveries (webhook_id, book_id, created_at, id) WHERE due_at IS NOT NULL;
ALTER TABLE remembered ADD COLUMN created_at bigint
    GENERATED ALWAYS AS (substring(data FROM '"created_at":(-?[0-9]+)')::bigint) STORED;
CREATE INDEX remembered_ages ON remembered (created_at);

-- What a server's role may do: never change the ledger, and delete nothing but answers that were kept long enough. The
-- owner runs it once for each such role.
CREATE OR REPLACE FUNCTION figuard_grant(role name) RETURNS void LANGUAGE plpgsql AS $$
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

-- Those who were let in before may do so too.
DO $$
DECLARE
    server record;
BEGIN
    FOR server IN
        SELECT DISTINCT allowed.grantee::regrole AS role FROM pg_class, aclexplode(relacl) AS allowed
        WHERE pg_class.oid = to_regclass('remembered') AND allowed.privilege_type = 'INSERT' AND allowed.grantee <> 0
    LOOP
        EXECUTE format('GRANT DELETE ON remembered TO %s', server.role);
    END LOOP;
END
$$;
