/**
 * Submitting. `worker_enqueue` is for every language and for triggers; the worker's own API sends many jobs as one JSON
 * document. Both are ordinary statements of the caller's transaction: the job is there exactly when it commits.
 */
export const enqueue = `
CREATE FUNCTION worker_tell(p_ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM worker_watchers WHERE until > now()) THEN
    PERFORM pg_notify('worker_job_events', page.payload) FROM (
      SELECT string_agg(told, ',' ORDER BY n) AS payload FROM (
        SELECT id || ':' || status || ':' || attempt AS told, row_number() OVER (ORDER BY id) AS n
        FROM worker_jobs WHERE id = ANY (p_ids)
      ) s GROUP BY (n - 1) / 100
    ) page;
  END IF;
END $$;

-- For jobs that ended in this transaction: readers of events, and the webhook of a worker that has one.
CREATE FUNCTION worker_ended(p_ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM worker_tell(p_ids);
  IF EXISTS (SELECT FROM worker_presence WHERE webhook AND seen_at > now() - interval '10 minutes') THEN
    INSERT INTO worker_outbox (job_id, event, attempt)
      SELECT id, 'job.' || status, attempt FROM worker_jobs WHERE id = ANY (p_ids) AND ended_at = now();
  END IF;
END $$;

CREATE FUNCTION worker_announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM worker_tell((SELECT array_agg(id) FROM added));
  -- PostgreSQL sends equal notifications of one transaction once.
  PERFORM pg_notify('worker_jobs', q.queue)
    FROM (SELECT DISTINCT queue FROM added WHERE status = 'queued' AND ready) q;
  RETURN NULL;
END $$;

CREATE TRIGGER worker_jobs_announce AFTER INSERT ON worker_jobs
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION worker_announce();

CREATE FUNCTION worker_enqueue_many(p_jobs jsonb)
RETURNS TABLE (o_position bigint, o_id bigint, o_created boolean) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH input AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('worker_jobs', 'id')) AS id, j.*,
      coalesce(j.run_at, now() + make_interval(secs => coalesce(j.delay_seconds, 0))) AS due,
      CASE WHEN j.unique_seconds IS NULL OR j.idempotency_key IS NULL THEN j.idempotency_key
        ELSE j.idempotency_key || '@' || floor(extract(epoch FROM now()) / j.unique_seconds) END AS key
    FROM ROWS FROM (jsonb_to_recordset(p_jobs) AS (
      queue text, tenant text, kind text, payload jsonb, priority smallint, max_retries integer,
      timeout_seconds double precision, backoff_seconds double precision, backoff_max_seconds double precision,
      run_at timestamptz, delay_seconds double precision, ttl_seconds double precision, idempotency_key text,
      unique_seconds double precision, concurrency_key text, traceparent text
    )) WITH ORDINALITY AS j(queue, tenant, kind, payload, priority, max_retries, timeout_seconds, backoff_seconds,
      backoff_max_seconds, run_at, delay_seconds, ttl_seconds, idempotency_key, unique_seconds, concurrency_key,
      traceparent, position)
  ), firsts AS (
    SELECT DISTINCT ON (coalesce(queue, 'default'), coalesce(key, id::text)) * FROM input
    ORDER BY coalesce(queue, 'default'), coalesce(key, id::text), position
  ), inserted AS (
    INSERT INTO worker_jobs AS t (id, queue, tenant, kind, payload, priority, ready, max_retries, timeout_seconds,
      backoff_seconds, backoff_max_seconds, run_at, expires_at, idempotency_key, concurrency_key, traceparent)
    SELECT id, coalesce(queue, 'default'), coalesce(tenant, 'default'), kind, coalesce(payload, 'null'),
      coalesce(priority, 5), due <= now(), max_retries, timeout_seconds, backoff_seconds, backoff_max_seconds, due,
      due + make_interval(secs => ttl_seconds), key, concurrency_key, traceparent
    FROM firsts ORDER BY position
    ON CONFLICT (queue, idempotency_key) WHERE idempotency_key IS NOT NULL
      DO UPDATE SET idempotency_key = excluded.idempotency_key
    RETURNING t.id, t.queue, t.idempotency_key, t.xmax = 0 AS created
  )
  SELECT i.position, coalesce(own.id, other.id), own.created IS NOT DISTINCT FROM true
  FROM input i
    LEFT JOIN inserted own ON own.id = i.id
    LEFT JOIN inserted other ON own.id IS NULL AND other.queue = coalesce(i.queue, 'default')
      AND other.idempotency_key = i.key
  ORDER BY i.position;
END $$;

CREATE FUNCTION worker_enqueue(
  queue text, kind text, payload jsonb DEFAULT 'null', priority integer DEFAULT 5, tenant text DEFAULT 'default',
  idempotency_key text DEFAULT NULL, run_at timestamptz DEFAULT NULL, max_retries integer DEFAULT NULL,
  timeout_seconds double precision DEFAULT NULL, ttl_seconds double precision DEFAULT NULL,
  concurrency_key text DEFAULT NULL
) RETURNS bigint LANGUAGE sql AS $$
  SELECT o_id FROM worker_enqueue_many(jsonb_build_array(jsonb_build_object(
    'queue', queue, 'kind', kind, 'payload', payload, 'priority', priority, 'tenant', tenant,
    'idempotency_key', idempotency_key, 'run_at', run_at, 'max_retries', max_retries,
    'timeout_seconds', timeout_seconds, 'ttl_seconds', ttl_seconds, 'concurrency_key', concurrency_key)))
$$;
`
