/**
 * Settling: outcomes, retries, hand-backs and extensions of one moment in one statement, each matched by its lease. A row
 * keeps the lease that ended it, so that a call whose answer was lost may be sent again.
 */
export const settle = `
CREATE FUNCTION worker_settle(
  p_ids bigint[], p_leases uuid[], p_actions text[], p_seconds double precision[], p_values text[]
) RETURNS TABLE (o_position bigint, o_verdict text) LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
DECLARE
  v_done bigint[];
  v_queues text[];
BEGIN
  WITH settled AS (
    UPDATE worker_jobs j SET
      status = CASE i.action WHEN 'succeed' THEN 'succeeded' WHEN 'fail' THEN 'failed' WHEN 'extend' THEN 'running'
        WHEN 'ack' THEN CASE WHEN j.cancel_requested THEN 'cancelled' ELSE 'succeeded' END
        ELSE CASE WHEN j.cancel_requested THEN 'cancelled' ELSE 'queued' END END,
      result = CASE i.action WHEN 'succeed' THEN i.value::jsonb ELSE j.result END,
      error = CASE WHEN i.action IN ('fail', 'retry') THEN i.value::jsonb
        WHEN i.action = 'succeed' THEN NULL ELSE j.error END,
      attempt = j.attempt + (i.action = 'retry')::integer,
      failures = j.failures + (i.action IN ('retry', 'fail'))::integer,
      crashes = CASE i.action WHEN 'retry' THEN 0 ELSE j.crashes END,
      ready = CASE WHEN i.action IN ('retry', 'back') THEN i.seconds <= 0 ELSE j.ready END,
      run_at = CASE WHEN i.action IN ('retry', 'back') AND i.seconds > 0
        THEN now() + make_interval(secs => i.seconds) ELSE j.run_at END,
      lease_until = CASE i.action WHEN 'extend' THEN now() + make_interval(secs => i.seconds) ELSE j.lease_until END,
      ended_at = CASE WHEN i.action IN ('succeed', 'fail', 'ack') OR (i.action <> 'extend' AND j.cancel_requested)
        THEN now() END
    FROM unnest(p_ids, p_leases, p_actions, p_seconds, p_values) WITH ORDINALITY
      AS i(id, lease, action, seconds, value, position)
    WHERE j.id = i.id AND j.status = 'running' AND j.lease_token = i.lease
    RETURNING i.position, CASE WHEN j.status = 'queued' AND j.ready THEN j.queue END AS queue
  )
  SELECT array_agg(position), array_agg(DISTINCT queue) FILTER (WHERE queue IS NOT NULL)
    INTO v_done, v_queues FROM settled;
  IF v_queues IS NOT NULL THEN
    PERFORM pg_notify('worker_jobs', q) FROM unnest(v_queues) q;
  END IF;
  IF EXISTS (SELECT FROM unnest(p_actions) a WHERE a <> 'extend') THEN
    PERFORM worker_ended(p_ids);
  END IF;
  IF cardinality(v_done) = cardinality(p_ids) THEN
    RETURN;
  END IF;
  -- Only what did not match is answered: settled before by the same lease, or lost to another.
  RETURN QUERY SELECT i.position,
    CASE WHEN j.lease_token = i.lease AND CASE i.action WHEN 'extend' THEN false WHEN 'fail' THEN j.status = 'failed'
      WHEN 'succeed' THEN j.status = 'succeeded' WHEN 'ack' THEN j.status IN ('succeeded', 'cancelled')
      ELSE j.status IN ('queued', 'cancelled') END THEN 'before' ELSE 'lost' END
  FROM unnest(p_ids, p_leases, p_actions) WITH ORDINALITY AS i(id, lease, action, position)
    LEFT JOIN worker_jobs j ON j.id = i.id
  WHERE i.position <> ALL (coalesce(v_done, '{}'));
END $$;

-- It waits for no row, so that it and a settlement never wait for each other: a row that is locked is being settled.
CREATE FUNCTION worker_extend(p_ids bigint[], p_leases uuid[], p_seconds double precision[])
RETURNS TABLE (o_position bigint) LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  UPDATE worker_jobs j SET lease_until = now() + make_interval(secs => i.seconds)
  FROM unnest(p_ids, p_leases, p_seconds) AS i(id, lease, seconds)
  WHERE j.id = i.id AND j.lease_token = i.lease AND j.status = 'running' AND j.id IN (
    SELECT id FROM worker_jobs WHERE id = ANY (p_ids) FOR UPDATE SKIP LOCKED);
  RETURN QUERY SELECT i.position FROM unnest(p_ids, p_leases) WITH ORDINALITY AS i(id, lease, position)
    LEFT JOIN worker_jobs j ON j.id = i.id
  WHERE j.id IS NULL OR j.status <> 'running' OR j.lease_token <> i.lease;
END $$;

CREATE FUNCTION worker_give_back(p_queue text, p_claim uuid) RETURNS bigint LANGUAGE sql AS $$
  WITH given AS (
    UPDATE worker_jobs SET status = 'queued', ready = true
    WHERE queue = p_queue AND status = 'running' AND lease_token = p_claim RETURNING id
  ), told AS (SELECT pg_notify('worker_jobs', p_queue) WHERE EXISTS (SELECT FROM given))
  SELECT count(*) FROM given WHERE (SELECT count(*) FROM told) >= 0
$$;

CREATE FUNCTION worker_cancel(p_id bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_status text;
BEGIN
  UPDATE worker_jobs SET
    status = CASE status WHEN 'queued' THEN 'cancelled' ELSE status END,
    cancel_requested = true,
    ended_at = CASE status WHEN 'queued' THEN now() END
  WHERE id = p_id AND status IN ('queued', 'running') RETURNING status INTO v_status;
  PERFORM worker_ended(ARRAY[p_id]);
  RETURN coalesce(v_status, (SELECT status FROM worker_jobs WHERE id = p_id));
END $$;

CREATE FUNCTION worker_retry(p_ids bigint[]) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY UPDATE worker_jobs SET status = 'queued', ready = true, run_at = now(), attempt = attempt + 1,
    failures = 0, crashes = 0, cancel_requested = false, expires_at = NULL, ended_at = NULL
  WHERE id = ANY (p_ids) AND status IN ('failed', 'cancelled') RETURNING id;
  PERFORM worker_tell(p_ids);
  PERFORM pg_notify('worker_jobs', q) FROM (SELECT DISTINCT queue AS q FROM worker_jobs WHERE id = ANY (p_ids)) s;
END $$;
`
