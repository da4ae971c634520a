/**
 * Claiming from a queue that has limits over all workers: so many at once, so many a minute. A limit counts the whole queue, or
 * each kind, key, tenant, or value at a place in the payload (`args.customer`), or one of them.
 */
export const limits = `
-- What a job counts against: one row for each limit that may concern it. Of the payload the value is place=value.
-- What a submitter writes may be longer than an index takes: then its digest stands for it.
CREATE FUNCTION worker_short(p_value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN octet_length(p_value) > 500 THEN 'md5 ' || md5(p_value) ELSE p_value END
$$;

CREATE FUNCTION worker_scopes(p_queue text, p_tenant text, p_kind text, p_key text, p_payload jsonb)
RETURNS TABLE (scope text, value text) LANGUAGE sql STABLE AS $$
  SELECT s.scope, worker_short(s.value) FROM (VALUES ('queue', '*'), ('tenant', p_tenant),
    ('kind', CASE WHEN p_kind = 'tool' THEN coalesce(p_payload ->> 'tool', p_kind) ELSE p_kind END), ('key', p_key)) s(scope, value)
  WHERE s.value IS NOT NULL
  UNION ALL
  SELECT 'payload', l.value || '=' || worker_short(p_payload #>> string_to_array(l.value, '.')) FROM worker_limits l
  WHERE l.queue = p_queue AND l.scope = 'payload' AND p_payload #>> string_to_array(l.value, '.') IS NOT NULL
$$;

CREATE FUNCTION worker_allowance(p_queue text, p_scope text, p_value text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  v_limit worker_limits;
  v_left integer;
  v_count integer;
BEGIN
  SELECT * INTO v_limit FROM worker_limits WHERE queue = p_queue AND scope = p_scope
    AND CASE scope WHEN 'payload' THEN starts_with(p_value, value || '=') ELSE value IN (p_value, '*') END
    ORDER BY value = '*' LIMIT 1;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  IF v_limit.max_running IS NOT NULL THEN
    SELECT count(*) INTO v_count FROM worker_jobs j WHERE queue = p_queue AND status = 'running' AND (p_scope = 'queue' OR EXISTS (
      SELECT FROM worker_scopes(j.queue, j.tenant, j.kind, j.concurrency_key, j.payload) s
      WHERE s.scope = p_scope AND s.value = p_value));
    v_left := v_limit.max_running - v_count;
  END IF;
  IF v_limit.per_minute IS NOT NULL THEN
    SELECT count(*) INTO v_count FROM worker_starts
      WHERE queue = p_queue AND scope = p_scope AND value = p_value AND at > now() - interval '1 minute';
    v_left := least(v_left, v_limit.per_minute - v_count);
  END IF;
  RETURN greatest(0, v_left);
END $$;

CREATE FUNCTION worker_pick_limited(p_queue text, p_count integer, p_after text) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  v_ids bigint[] := '{}';
  v_tenants text[];
  v_turn integer := 0;
  v_left jsonb := '{}';
  -- Scopes that are used up, as scope:value.
  v_full text[] := '{}';
  v_job worker_jobs;
  v_scope record;
  v_name text;
BEGIN
  -- Claims of this queue wait for each other here, so that no two count the same free place.
  PERFORM 1 FROM worker_limits WHERE queue = p_queue ORDER BY scope, value FOR UPDATE;
  DELETE FROM worker_starts WHERE queue = p_queue AND at < now() - interval '1 minute';
  v_tenants := worker_tenants(p_queue, greatest(p_count, 64), p_after);
  WHILE cardinality(v_ids) < p_count AND cardinality(v_tenants) > 0 AND NOT 'queue:*' = ANY (v_full) LOOP
    v_turn := v_turn % cardinality(v_tenants) + 1;
    SELECT * INTO v_job FROM worker_jobs j
    WHERE queue = p_queue AND status = 'queued' AND ready AND tenant = v_tenants[v_turn]
      AND (expires_at IS NULL OR expires_at > now()) AND id <> ALL (v_ids)
      AND (v_full = '{}' OR NOT EXISTS (
        SELECT FROM worker_scopes(j.queue, j.tenant, j.kind, j.concurrency_key, j.payload) s
        WHERE s.scope || ':' || s.value = ANY (v_full)))
    ORDER BY priority DESC, run_at, id LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
      v_tenants := v_tenants[:v_turn - 1] || v_tenants[v_turn + 1:];
      v_turn := v_turn - 1;
      CONTINUE;
    END IF;
    FOR v_scope IN SELECT * FROM worker_scopes(p_queue, v_job.tenant, v_job.kind, v_job.concurrency_key, v_job.payload) LOOP
      v_name := v_scope.scope || ':' || v_scope.value;
      IF NOT v_left ? v_name THEN
        v_left := jsonb_set(v_left, ARRAY[v_name],
          coalesce(to_jsonb(worker_allowance(p_queue, v_scope.scope, v_scope.value)), 'null'));
      END IF;
      IF v_left ->> v_name = '0' THEN
        v_full := v_full || v_name;
      END IF;
    END LOOP;
    CONTINUE WHEN EXISTS (
      SELECT FROM worker_scopes(p_queue, v_job.tenant, v_job.kind, v_job.concurrency_key, v_job.payload) s
      WHERE s.scope || ':' || s.value = ANY (v_full));
    v_ids := v_ids || v_job.id;
    FOR v_scope IN SELECT * FROM worker_scopes(p_queue, v_job.tenant, v_job.kind, v_job.concurrency_key, v_job.payload) LOOP
      v_name := v_scope.scope || ':' || v_scope.value;
      CONTINUE WHEN v_left ->> v_name IS NULL;
      v_left := jsonb_set(v_left, ARRAY[v_name], to_jsonb((v_left ->> v_name)::integer - 1));
      INSERT INTO worker_starts (queue, scope, value) VALUES (p_queue, v_scope.scope, v_scope.value);
    END LOOP;
  END LOOP;
  RETURN v_ids;
END $$;
`
