-- Functions of bench_floor.c, in its own schema.

-- Whether a table of a service belongs to a part.
CREATE FUNCTION floor_wants(tables text, name text) RETURNS boolean LANGUAGE sql AS
$$ SELECT CASE WHEN tables = '' THEN true
               WHEN tables LIKE '-%' THEN name <> ALL (string_to_array(substr(tables, 2), ','))
               ELSE name = ANY (string_to_array(tables, ',')) END $$;

-- The tables of a part, each with its columns.
CREATE FUNCTION floor_tables(service text, tables text)
  RETURNS TABLE (source text, name text, columns text) LANGUAGE sql AS
$$ SELECT format('%I.%I', service, c.relname), c.relname,
          (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
           WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped)
   FROM pg_class c
   WHERE c.relnamespace = service::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
     AND floor_wants(tables, c.relname)
   ORDER BY c.relname $$;

-- How many transactions since that one left rows.
CREATE FUNCTION floor_transactions(service text, tables text, since bigint) RETURNS bigint LANGUAGE plpgsql AS
$$ DECLARE query text; found bigint;
BEGIN
  SELECT string_agg(format('SELECT xmin::text AS x FROM %s WHERE xmin::text::bigint >= %s', source, since), ' UNION ')
    INTO query FROM floor_tables(service, tables);
  EXECUTE format('SELECT count(*) FROM (%s) each', query) INTO found;
  RETURN greatest(found, 1);
END $$;

-- For each table an empty one (to_...) and the rows with the step that they belong to (of_...); the function floor_<part>(step)
-- writes those of one step.
CREATE FUNCTION floor_take(part text, service text, tables text, since bigint, steps bigint)
  RETURNS bigint LANGUAGE plpgsql AS
$$ DECLARE t record; body text := ''; made bigint := steps;
BEGIN
  IF made = 0 THEN
    made := floor_transactions(service, tables, since);
  END IF;
  FOR t IN SELECT * FROM floor_tables(service, tables) LOOP
    EXECUTE format('DROP TABLE IF EXISTS to_%1$s_%2$s, of_%1$s_%2$s', part, t.name);
    EXECUTE format('CREATE TABLE to_%s_%s (LIKE %s INCLUDING ALL)', part, t.name, t.source);
    EXECUTE format('CREATE TABLE of_%s_%s AS SELECT *, (row_number() OVER () - 1) * %s / count(*) OVER () AS floor_step'
                   ' FROM %s WHERE xmin::text::bigint >= %s', part, t.name, made, t.source, since);
    EXECUTE format('CREATE INDEX ON of_%s_%s (floor_step)', part, t.name);
    EXECUTE format('ANALYZE of_%s_%s', part, t.name);
    body := body || format('INSERT INTO to_%1$s_%2$s (%3$s) SELECT %3$s FROM of_%1$s_%2$s WHERE floor_step = step; ',
                           part, t.name, t.columns);
  END LOOP;
  EXECUTE format('CREATE OR REPLACE FUNCTION floor_%s(step bigint) RETURNS bigint LANGUAGE plpgsql AS'
                 ' $f$ BEGIN %s RETURN step; END $f$', part, body);
  RETURN made;
END $$;
