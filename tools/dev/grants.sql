-- Grants on single tables, once the migrations have made them. Run by the superuser, as often as one likes.

SET client_min_messages = warning;

DO $$
DECLARE
    service text;
BEGIN
    -- A person's wish is a row that the owner of the lane carries out: this is all that holdfastctl may write.
    FOR service IN SELECT n.nspname FROM pg_namespace n
        JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'admin_request'
    LOOP
        EXECUTE format('GRANT INSERT ON %I.admin_request TO holdfast_operator', service);
        EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO holdfast_operator', service);
    END LOOP;

    -- Tokens are made and revoked by the operator; the gateway only looks them up.
    IF to_regclass('gateway.api_token') IS NOT NULL THEN
        GRANT INSERT, UPDATE ON gateway.api_token TO holdfast_operator;
        REVOKE INSERT, UPDATE, DELETE ON gateway.api_token FROM holdfast_gateway;
    END IF;

    -- The ledger and its history grow and never change. A trigger says the same, for those with more rights.
    IF to_regclass('escrow.transition') IS NOT NULL THEN
        REVOKE UPDATE, DELETE ON escrow.transition FROM holdfast_escrow;
    END IF;
    IF to_regclass('escrow.transfer') IS NOT NULL THEN
        REVOKE UPDATE, DELETE ON escrow.transfer FROM holdfast_escrow;
    END IF;
END
$$;
