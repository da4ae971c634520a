/** Claiming from a queue that has limits over all workers: so many at once, so many a minute. */
export const limits = `
CREATE FUNCTION worker_allowance(p_queue text, p_scope text, p_value text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  v_limit worker_limits;
  v_left integer;
  v_count integer;
BEGIN
  SELECT * INTO v_limit FROM worker_limits WHERE queue = p_queue AND scope = p_scope AND value IN (p_value, '*')
    ORDER BY value = '*' LIMIT 1;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  IF v_limit.max_running IS NOT NULL THEN
    SELECT count(*) INTO v_count FROM worker_jobs WHERE queue = p_queue AND status = 'running' AND CASE p_scope
      WHEN 'kind' THEN kind = p_value OR (kind = 'tool' AND payload ->> 'tool' = p_value)
      WHEN 'key' THEN concurrency_key = p_value WHEN 'tenant' THEN tenant = p_value ELSE true END;
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
  v_kinds text[] := '{}';
  v_keys text[] := '{}';
  v_shut boolean := false;
  v_job record;
  v_scope record;
  v_full boolean;
BEGIN
  -- Claims of this queue wait for each other here, so that no two count the same free place.
  PERFORM 1 FROM worker_limits WHERE queue = p_queue ORDER BY scope, value FOR UPDATE;
  DELETE FROM worker_starts WHERE queue = p_queue AND at < now() - interval '1 minute';
  v_tenants := worker_tenants(p_queue, greatest(p_count, 64), p_after);
  WHILE cardinality(v_ids) < p_count AND cardinality(v_tenants) > 0 AND NOT v_shut LOOP
    v_turn := v_turn % cardinality(v_tenants) + 1;
    SELECT id, tenant, concurrency_key, CASE WHEN kind = 'tool' THEN coalesce(payload ->> 'tool', kind) ELSE kind END AS kind
    INTO v_job FROM worker_jobs
    WHERE queue = p_queue AND status = 'queued' AND ready AND tenant = v_tenants[v_turn]
      AND (expires_at IS NULL OR expires_at > now()) AND id <> ALL (v_ids)
      AND CASE WHEN kind = 'tool' THEN coalesce(payload ->> 'tool', kind) ELSE kind END <> ALL (v_kinds)
      AND (concurrency_key IS NULL OR concurrency_key <> ALL (v_keys))
    ORDER BY priority DESC, run_at, id LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
      v_tenants := v_tenants[:v_turn - 1] || v_tenants[v_turn + 1:];
      v_turn := v_turn - 1;
      CONTINUE;
    END IF;
    v_full := false;
    FOR v_scope IN
      SELECT s.scope, s.value, s.scope || ':' || s.value AS name FROM (VALUES ('queue', '*'), ('tenant', v_job.tenant),
        ('kind', v_job.kind), ('key', v_job.concurrency_key)) AS s(scope, value) WHERE s.value IS NOT NULL
    LOOP
      IF NOT v_left ? v_scope.name THEN
        v_left := jsonb_set(v_left, ARRAY[v_scope.name],
          coalesce(to_jsonb(worker_allowance(p_queue, v_scope.scope, v_scope.value)), 'null'));
      END IF;
      IF v_left ->> v_scope.name = '0' THEN
        v_full := true;
        CASE v_scope.scope
          WHEN 'queue' THEN v_shut := true;
          WHEN 'tenant' THEN
            v_tenants := v_tenants[:v_turn - 1] || v_tenants[v_turn + 1:];
            v_turn := v_turn - 1;
          WHEN 'kind' THEN v_kinds := v_kinds || v_job.kind;
          ELSE v_keys := v_keys || v_job.concurrency_key;
        END CASE;
        EXIT;
      END IF;
    END LOOP;
    CONTINUE WHEN v_full;
    v_ids := v_ids || v_job.id;
    FOR v_scope IN
      SELECT s.scope, s.value, s.scope || ':' || s.value AS name FROM (VALUES ('queue', '*'), ('tenant', v_job.tenant),
        ('kind', v_job.kind), ('key', v_job.concurrency_key)) AS s(scope, value) WHERE s.value IS NOT NULL
    LOOP
      CONTINUE WHEN v_left ->> v_scope.name IS NULL;
      v_left := jsonb_set(v_left, ARRAY[v_scope.name], to_jsonb((v_left ->> v_scope.name)::integer - 1));
      INSERT INTO worker_starts (queue, scope, value)
        SELECT p_queue, v_scope.scope, v_scope.value WHERE EXISTS (
          SELECT FROM worker_limits WHERE queue = p_queue AND scope = v_scope.scope
            AND value IN (v_scope.value, '*') AND per_minute IS NOT NULL);
    END LOOP;
  END LOOP;
  RETURN v_ids;
END $$;
`
