/**
 * Claiming, as one statement for the worker: `SELECT … FROM worker_claim(…)`.
 *
 * Leases that ran out go back first, then what is due becomes ready. Tenants take turns, from the one after the tenant that
 * the worker served last; a tenant's own jobs come by priority and age. Where a queue has limits, its claims come one after the
 * other, so that all workers together keep them.
 */
export const claim = `
CREATE TABLE worker_schema (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  version integer NOT NULL,
  oldest_worker integer NOT NULL
);

CREATE FUNCTION worker_reclaim(p_queue text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_ids bigint[];
BEGIN
  WITH back AS (
    UPDATE worker_jobs SET
      crashes = crashes + 1,
      ready = true,
      status = CASE WHEN cancel_requested THEN 'cancelled' WHEN crashes + 1 >= 2 THEN 'failed' ELSE 'queued' END,
      ended_at = CASE WHEN cancel_requested OR crashes + 1 >= 2 THEN now() END,
      error = CASE WHEN crashes + 1 >= 2 AND NOT cancel_requested THEN jsonb_build_object('code', 'POISON_MESSAGE', 'message',
        'the lease of this job ran out twice: its worker ended, or lost the database for longer than the lease',
        'worker', worker_id) END
    WHERE id IN (
      SELECT id FROM worker_jobs WHERE queue = p_queue AND status = 'running' AND lease_until < now()
      ORDER BY lease_until LIMIT 500 FOR UPDATE SKIP LOCKED
    ) RETURNING id
  ) SELECT array_agg(id) INTO v_ids FROM back;
  IF v_ids IS NOT NULL THEN
    PERFORM worker_ended(v_ids);
  END IF;
  UPDATE worker_jobs SET ready = true
  WHERE id IN (
    SELECT id FROM worker_jobs WHERE queue = p_queue AND status = 'queued' AND NOT ready AND run_at <= now()
    ORDER BY run_at LIMIT 500 FOR UPDATE SKIP LOCKED
  );
END $$;

-- Jobs that were not started in time are cancelled, with the reason.
CREATE FUNCTION worker_expire(p_queues text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_ids bigint[];
BEGIN
  WITH late AS (
    UPDATE worker_jobs SET status = 'cancelled', ended_at = now(), error = jsonb_build_object('code', 'EXPIRED',
      'message', 'the job was not started before ' || to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
    WHERE id IN (SELECT id FROM worker_jobs WHERE status = 'queued' AND expires_at <= now() AND queue = ANY (p_queues)
      ORDER BY expires_at LIMIT 1000 FOR UPDATE SKIP LOCKED)
    RETURNING id
  ) SELECT array_agg(id) INTO v_ids FROM late;
  IF v_ids IS NOT NULL THEN
    PERFORM worker_ended(v_ids);
  END IF;
END $$;

CREATE FUNCTION worker_tenants(p_queue text, p_most integer, p_after text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  v_found text[] := '{}';
  v_last text := p_after;
  v_next text;
  v_wrapped boolean := false;
BEGIN
  WHILE cardinality(v_found) < p_most LOOP
    SELECT tenant INTO v_next FROM worker_jobs
      WHERE queue = p_queue AND status = 'queued' AND ready AND tenant > v_last ORDER BY tenant LIMIT 1;
    IF NOT FOUND OR (v_wrapped AND v_next > p_after) THEN
      EXIT WHEN v_wrapped OR p_after = '';
      v_wrapped := true;
      v_last := '';
    ELSE
      v_found := v_found || v_next;
      v_last := v_next;
    END IF;
  END LOOP;
  RETURN v_found;
END $$;

CREATE FUNCTION worker_pick(p_queue text, p_count integer, p_after text) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  v_tenants text[] := worker_tenants(p_queue, p_count, p_after);
  v_turns integer := cardinality(v_tenants);
  v_ids bigint[] := '{}';
  v_got bigint[];
  v_share integer;
BEGIN
  -- The second round gives what small tenants left to the others.
  FOR v_round IN 1..CASE WHEN v_turns > 1 THEN 2 ELSE 1 END LOOP
    FOR v_turn IN 1..v_turns LOOP
      v_share := ceil((p_count - cardinality(v_ids))::numeric / (v_turns - v_turn + 1));
      EXIT WHEN v_share < 1;
      SELECT array_agg(id) INTO v_got FROM (
        SELECT id FROM worker_jobs
        WHERE queue = p_queue AND status = 'queued' AND ready AND tenant = v_tenants[v_turn]
          AND (expires_at IS NULL OR expires_at > now()) AND (v_round = 1 OR id <> ALL (v_ids))
        ORDER BY priority DESC, run_at, id LIMIT v_share FOR UPDATE SKIP LOCKED
      ) s;
      v_ids := v_ids || coalesce(v_got, '{}');
    END LOOP;
  END LOOP;
  RETURN v_ids;
END $$;

CREATE FUNCTION worker_claim(
  p_version integer, p_claim uuid, p_worker text, p_queue text, p_pool text, p_count integer,
  p_lease_seconds double precision, p_after text, p_upkeep boolean
) RETURNS TABLE (
  o_id bigint, o_tenant text, o_kind text, o_payload text, o_priority smallint, o_attempt integer, o_failures integer,
  o_deliveries integer, o_max_retries integer, o_timeout double precision, o_backoff double precision,
  o_backoff_max double precision, o_traceparent text, o_created double precision, o_paused boolean
) LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
DECLARE
  v_oldest integer;
  v_paused boolean;
  v_limited boolean;
  v_ids bigint[];
BEGIN
  SELECT oldest_worker,
    EXISTS (SELECT FROM worker_pauses WHERE (scope = 'queue' AND name = p_queue) OR (scope = 'pool' AND name = p_pool)),
    EXISTS (SELECT FROM worker_limits WHERE queue = p_queue)
  INTO v_oldest, v_paused, v_limited FROM worker_schema;
  IF p_version < v_oldest THEN
    RAISE EXCEPTION 'this worker knows version % of the jobs'' schema and the database asks for % at least: run a newer worker',
      p_version, v_oldest USING ERRCODE = 'NW001';
  END IF;
  IF p_upkeep THEN
    PERFORM worker_reclaim(p_queue);
  END IF;
  IF v_paused THEN
    o_paused := true;
    RETURN NEXT;
    RETURN;
  END IF;
  IF v_limited THEN
    v_ids := worker_pick_limited(p_queue, p_count, p_after);
  ELSE
    v_ids := worker_pick(p_queue, p_count, p_after);
  END IF;
  IF cardinality(v_ids) = 0 THEN
    RETURN;
  END IF;
  -- A claim that a crash of the server forgets is no loss: the job waits again, and the outcome of this one counts for nothing.
  PERFORM set_config('synchronous_commit', 'off', true);
  RETURN QUERY UPDATE worker_jobs j SET
    status = 'running', lease_token = p_claim, lease_until = now() + make_interval(secs => p_lease_seconds),
    worker_id = p_worker, deliveries = deliveries + 1, started_at = now()
  WHERE j.id = ANY (v_ids)
  RETURNING j.id, j.tenant, j.kind, j.payload::text, j.priority, j.attempt, j.failures, j.deliveries, j.max_retries,
    j.timeout_seconds, j.backoff_seconds, j.backoff_max_seconds, j.traceparent,
    (extract(epoch FROM greatest(j.created_at, j.run_at)) * 1000)::double precision, false;
  PERFORM worker_tell(v_ids);
END $$;
`
