# ruff: noqa: S608 - the queries are put together from the constants below, and from nothing else
"""The definitions of a database: one query for each kind of object.

Each query returns two texts per object: a name that is the same on both sides, and a definition to compare. The
session has an empty search path, so every name in a definition is qualified.
"""

# Objects of users: neither PostgreSQL's own nor those that belong to an extension.
USER_SCHEMA = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"


def _not_of_extension(catalog: str, oid: str) -> str:
    return (
        f"NOT EXISTS (SELECT FROM pg_depend WHERE classid = '{catalog}'::regclass AND objid = {oid} AND deptype = 'e')"
    )


USER_TABLE = f"c.relkind IN ('r', 'p', 'm', 'v', 'f') AND {USER_SCHEMA} AND {_not_of_extension('pg_class', 'c.oid')}"
TABLE_NAME = "format('%I.%I', n.nspname, c.relname)"
FROM_TABLE = "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"

QUERIES: dict[str, str] = {
    "schema": f"""
        SELECT quote_ident(n.nspname), '' FROM pg_namespace n
        WHERE {USER_SCHEMA} AND {_not_of_extension("pg_namespace", "n.oid")}""",
    "extension": "SELECT quote_ident(extname), '' FROM pg_extension",
    "table": f"""
        SELECT {TABLE_NAME}, concat_ws(' ',
            'kind', c.relkind, c.relpersistence, 'row security', c.relrowsecurity, c.relforcerowsecurity,
            'options', c.reloptions::text, 'partitioned', pg_get_partkeydef(c.oid),
            'bound', pg_get_expr(c.relpartbound, c.oid),
            'inherits', (SELECT string_agg(inhparent::regclass::text, ', ' ORDER BY inhseqno)
                         FROM pg_inherits WHERE inhrelid = c.oid))
        FROM {FROM_TABLE} WHERE {USER_TABLE}""",
    "replica identity": f"SELECT {TABLE_NAME}, c.relreplident::text FROM {FROM_TABLE} WHERE {USER_TABLE}",
    "state of view": f"""
        SELECT {TABLE_NAME}, CASE WHEN c.relispopulated THEN 'filled' ELSE 'not filled' END
        FROM {FROM_TABLE} WHERE {USER_TABLE} AND c.relkind = 'm'""",
    # The numbers of columns differ where one was dropped, their order must not.
    "column": f"""
        SELECT {TABLE_NAME} || '.' || quote_ident(a.attname), concat_ws(' ',
            'number', row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum), format_type(a.atttypid, a.atttypmod),
            'collation', CASE WHEN a.attcollation <> 0 THEN a.attcollation::regcollation::text END,
            'not null', a.attnotnull, 'default', pg_get_expr(d.adbin, d.adrelid), 'identity', a.attidentity,
            'generated', a.attgenerated, 'storage', a.attstorage, a.attcompression,
            'statistics', nullif(a.attstattarget, -1), a.attoptions::text)
        FROM {FROM_TABLE} JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE {USER_TABLE}""",
    "index": f"""
        SELECT format('%I.%I', n.nspname, x.relname), concat_ws(' ', pg_get_indexdef(i.indexrelid),
            'valid', i.indisvalid, 'primary', i.indisprimary, 'replica identity', i.indisreplident,
            'clustered', i.indisclustered)
        FROM {FROM_TABLE} JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid
        WHERE {USER_TABLE}""",
    # PostgreSQL 18 lists NOT NULL here too; it is compared with the columns.
    "constraint": f"""
        SELECT {TABLE_NAME} || ' ' || quote_ident(k.conname),
            concat_ws(' ', k.contype, pg_get_constraintdef(k.oid), 'valid', k.convalidated, 'local', k.conislocal)
        FROM {FROM_TABLE} JOIN pg_constraint k ON k.conrelid = c.oid WHERE {USER_TABLE} AND k.contype <> 'n'""",
    "trigger": f"""
        SELECT {TABLE_NAME} || ' ' || quote_ident(t.tgname),
            concat_ws(' ', pg_get_triggerdef(t.oid), 'enabled', t.tgenabled)
        FROM {FROM_TABLE} JOIN pg_trigger t ON t.tgrelid = c.oid WHERE {USER_TABLE} AND NOT t.tgisinternal""",
    "rule": f"""
        SELECT {TABLE_NAME} || ' ' || quote_ident(r.rulename),
            concat_ws(' ', pg_get_ruledef(r.oid), 'enabled', r.ev_enabled)
        FROM {FROM_TABLE} JOIN pg_rewrite r ON r.ev_class = c.oid
        WHERE {USER_TABLE} AND r.rulename <> '_RETURN'""",
    "policy": f"""
        SELECT {TABLE_NAME} || ' ' || quote_ident(p.polname), concat_ws(' ', p.polcmd, p.polpermissive,
            'using', pg_get_expr(p.polqual, c.oid), 'check', pg_get_expr(p.polwithcheck, c.oid))
        FROM {FROM_TABLE} JOIN pg_policy p ON p.polrelid = c.oid WHERE {USER_TABLE}""",
    "statistics": f"""
        SELECT format('%I.%I', n.nspname, s.stxname), pg_get_statisticsobjdef(s.oid)
        FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE {USER_SCHEMA}""",
    "view": f"""
        SELECT {TABLE_NAME}, pg_get_viewdef(c.oid) FROM {FROM_TABLE} WHERE {USER_TABLE} AND c.relkind = 'v'""",
    "materialized view": f"""
        SELECT {TABLE_NAME}, pg_get_viewdef(c.oid) FROM {FROM_TABLE} WHERE {USER_TABLE} AND c.relkind = 'm'""",
    "function": f"""
        SELECT format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
            CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid)
                 ELSE concat_ws(' ', pg_get_function_result(p.oid), a.aggkind, a.aggtransfn::text, a.aggfinalfn::text,
                     a.aggcombinefn::text, a.aggsortop::regoperator::text, format_type(a.aggtranstype, NULL),
                     'initially', a.agginitval) END
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid
        WHERE {USER_SCHEMA} AND {_not_of_extension("pg_proc", "p.oid")}""",
    # The row types of tables and the array types are implied.
    "type": f"""
        SELECT format('%I.%I', n.nspname, t.typname), concat_ws(' ', t.typtype,
            (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder)
             FROM pg_enum WHERE enumtypid = t.oid),
            (SELECT string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum)
             FROM pg_attribute WHERE attrelid = t.typrelid AND NOT attisdropped),
            (SELECT string_agg(format('%I %s %s', conname, pg_get_constraintdef(oid), convalidated), ', '
                               ORDER BY conname)
             FROM pg_constraint WHERE contypid = t.oid AND contype <> 'n'),
            (SELECT format('of %s as %s', format_type(rngsubtype, NULL), rngmultitypid::regtype)
             FROM pg_range WHERE rngtypid = t.oid),
            'base', CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END,
            'default', t.typdefault, 'not null', t.typnotnull)
        FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
        WHERE t.typtype IN ('e', 'd', 'c', 'r') AND (c.relkind IS NULL OR c.relkind = 'c')
            AND {USER_SCHEMA} AND {_not_of_extension("pg_type", "t.oid")}""",
    # 16384 is the first number of a user's object.
    "comment": """
        SELECT concat_ws(' ', o.type, o.identity), d.description
        FROM pg_description d, pg_identify_object(d.classoid, d.objoid, d.objsubid) o
        WHERE d.objoid >= 16384 AND o.type <> 'extension'
            AND NOT EXISTS (SELECT FROM pg_depend e
                            WHERE e.classid = d.classoid AND e.objid = d.objoid AND e.deptype = 'e')""",
    "sequence": f"""
        SELECT {TABLE_NAME}, concat_ws(' ', format_type(s.seqtypid, NULL), 'start', s.seqstart, 'by', s.seqincrement,
            'from', s.seqmin, 'to', s.seqmax, 'cache', s.seqcache, 'cycle', s.seqcycle, 'owned by',
            (SELECT format('%s column %I %s', a.attrelid::regclass, a.attname, d.deptype)
             FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
             WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')))
        FROM {FROM_TABLE} JOIN pg_sequence s ON s.seqrelid = c.oid
        WHERE {USER_SCHEMA} AND {_not_of_extension("pg_class", "c.oid")}""",
}

# Relations with their own rows: those of a partitioned table are in its partitions, and a view has none.
TABLES_WITH_ROWS = f"""
    SELECT {TABLE_NAME}, array(SELECT quote_ident(a.attname) FROM pg_attribute a
                               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attname)
    FROM {FROM_TABLE} WHERE {USER_TABLE} AND c.relkind IN ('r', 'm') AND c.relispopulated ORDER BY 1"""
