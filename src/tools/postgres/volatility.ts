/**
 * Whether a query that is left early would leave a part of its work undone: a volatile function may write, also one that
 * stands in a view, a policy, an operator or a cast. The server knows; other functions it keeps from writing.
 */
import { namesIn } from "../sql/effects.ts"
import { literalOf } from "./arrays.ts"

/**
 * One row with `t` or `f`, for the names that a text has. Relations are followed through their views; a definition counts
 * as soon as it contains the name of a volatile function. A foreign table may be anything.
 */
export const volatileSql = `WITH RECURSIVE reached(oid) AS (
    SELECT c.oid FROM pg_catalog.pg_class c WHERE c.relname = ANY($1::name[])
    UNION
    SELECT d.refobjid FROM reached JOIN pg_catalog.pg_rewrite r ON r.ev_class = reached.oid
      JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
  ), definitions(text) AS (
    SELECT pg_catalog.pg_get_viewdef(oid) FROM reached JOIN pg_catalog.pg_class c USING (oid) WHERE c.relkind = 'v'
    UNION ALL
    SELECT pg_catalog.pg_get_expr(p.polqual, p.polrelid) FROM reached JOIN pg_catalog.pg_policy p ON p.polrelid = reached.oid
  )
  SELECT EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.provolatile = 'v' AND (p.proname = ANY($1::name[])
      OR EXISTS (SELECT FROM definitions WHERE pg_catalog.strpos(text, p.proname::text) > 0)))
    OR EXISTS (SELECT FROM reached JOIN pg_catalog.pg_class c USING (oid) WHERE c.relkind = 'f')
    OR EXISTS (SELECT FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_proc p ON p.oid = o.oprcode
      WHERE o.oid >= 16384 AND p.provolatile = 'v')
    OR EXISTS (SELECT FROM pg_catalog.pg_cast c JOIN pg_catalog.pg_proc p ON p.oid = c.castfunc
      WHERE c.oid >= 16384 AND p.provolatile = 'v')`

/** The parameter of `volatileSql`. */
export const namesOf = (text: string): string => literalOf(namesIn(text))
