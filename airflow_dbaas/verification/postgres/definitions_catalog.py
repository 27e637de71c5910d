"""Definitions of what is in a PostgreSQL database: one query for each kind, a column for each part of a definition.

The first two columns are the object's name and what it is a part of. Names are quoted and have their schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from airflow_dbaas.api.errors import DbaasDatabaseError
from airflow_dbaas.verification.kinds import Definitions, Key
from airflow_dbaas.verification.postgres.sessions import PostgresSession

# Objects of the user: not the system's, not an extension's.
OWN_SCHEMA = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
NO_EXTENSION = """NOT EXISTS (SELECT FROM pg_catalog.pg_depend of_ext
    WHERE of_ext.classid = 'pg_catalog.{catalog}'::pg_catalog.regclass AND of_ext.objid = {oid}
        AND of_ext.deptype = 'e')"""
# The service's own: its extension, which a replication uses, and what its migrations make.
_OURS = r"NOT LIKE 'aiven\_%'"


def name_of(alias: str, column: str, schema: str = "n") -> str:
    """A name with its schema."""
    return f"pg_catalog.format('%I.%I', {schema}.nspname, {alias}.{column})"


def _made_for(catalog: str, alias: str) -> str:
    """The condition for an object that came with another one, as the functions of a range type did."""
    return f"""EXISTS (SELECT FROM pg_catalog.pg_depend of_it
        WHERE of_it.classid = 'pg_catalog.{catalog}'::pg_catalog.regclass AND of_it.objid = {alias}.oid
            AND of_it.deptype = 'i')"""


def owned(catalog: str, alias: str) -> str:
    """The condition for an object that is the user's."""
    return f"{OWN_SCHEMA} AND {NO_EXTENSION.format(catalog=catalog, oid=f'{alias}.oid')}"


RELATIONS = f"""FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE {owned("pg_class", "c")}"""
RELATION = name_of("c", "relname")


def _comment(catalog: str, alias: str) -> str:
    return f"pg_catalog.obj_description({alias}.oid, '{catalog}') AS comment"


def _owner(column: str) -> str:
    return f"pg_catalog.pg_get_userbyid({column}) AS owner"


def _grants(acl: str, kind: str, owner: str) -> str:
    """Who but the owner may do what."""
    return f"""(SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', g.privileges, 'to', g.grantee), '; '
            ORDER BY g.grantee)
        FROM (SELECT CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(x.grantee) END AS grantee,
                pg_catalog.string_agg(x.privilege_type || CASE WHEN x.is_grantable THEN '*' ELSE '' END, ', '
                    ORDER BY x.privilege_type) AS privileges
            FROM pg_catalog.aclexplode(COALESCE({acl}, pg_catalog.acldefault('{kind}', {owner}))) x
            WHERE x.grantee <> {owner} AND x.privilege_type <> 'MAINTAIN'
            GROUP BY x.grantee) g) AS grants"""


def _options(column: str) -> str:
    return f"(SELECT pg_catalog.string_agg(o, ', ' ORDER BY o) FROM pg_catalog.unnest({column}) o)"


def _type(oid: str, modifier: str = "NULL") -> str:
    return f"CASE WHEN {oid} <> 0 THEN pg_catalog.format_type({oid}, {modifier}) END"


def _collation(column: str, type_column: str) -> str:
    """A collation that is not the type's own."""
    return f"""(SELECT {name_of("co", "collname", "cn")} FROM pg_catalog.pg_collation co
        JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
        WHERE co.oid = {column}
            AND {column} <> (SELECT y.typcollation FROM pg_catalog.pg_type y WHERE y.oid = {type_column}))"""


_PROCEDURE = """(SELECT pg_catalog.format('%s', f.oid::pg_catalog.regprocedure) FROM pg_catalog.pg_proc f
    WHERE f.oid = {oid})"""


def _procedure(oid: str) -> str:
    return _PROCEDURE.format(oid=oid)


_ORDER = """(SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)"""
_PARENTS = f"""(SELECT pg_catalog.string_agg({name_of("pc", "relname", "pn")}, ', ' ORDER BY h.inhseqno)
    FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class pc ON pc.oid = h.inhparent
    JOIN pg_catalog.pg_namespace pn ON pn.oid = pc.relnamespace WHERE h.inhrelid = c.oid)"""

Queries = Iterator[tuple[str, str]]


def _relations(major: int) -> Queries:
    common = f"{_comment('pg_class', 'c')}, {_owner('c.relowner')}, {_grants('c.relacl', 'r', 'c.relowner')}"
    yield (
        "table",
        f"""SELECT {RELATION}, '', CASE c.relkind WHEN 'p' THEN 'partitioned' WHEN 'f' THEN 'foreign' END AS form,
            CASE c.relpersistence WHEN 'u' THEN 'unlogged' END AS persistence,
            CASE WHEN c.relrowsecurity THEN 'enabled' END AS "row security",
            CASE WHEN c.relforcerowsecurity THEN 'forced' END AS "forced row security",
            CASE WHEN c.relkind IN ('r', 'p') AND c.relreplident <> 'd' THEN c.relreplident::text END
                AS "replica identity",
            pg_catalog.pg_get_partkeydef(c.oid) AS "partition key",
            CASE WHEN NOT c.relispartition THEN {_PARENTS} END AS inherits,
            CASE WHEN c.relispartition THEN {_PARENTS} END AS "partition of",
            pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS "partition bounds",
            {_type("c.reloftype")} AS "of type",
            (SELECT s.srvname FROM pg_catalog.pg_foreign_table ft JOIN pg_catalog.pg_foreign_server s
                ON s.oid = ft.ftserver WHERE ft.ftrelid = c.oid) AS server,
            (SELECT {_options("ft.ftoptions")} FROM pg_catalog.pg_foreign_table ft WHERE ft.ftrelid = c.oid)
                AS "foreign options",
            {_options("c.reloptions")} AS options,
            (SELECT a.amname FROM pg_catalog.pg_am a WHERE a.oid = c.relam) AS "access method",
            (SELECT s.spcname FROM pg_catalog.pg_tablespace s WHERE s.oid = c.reltablespace) AS tablespace,
            {_ORDER} AS "order of columns", {common}
            {RELATIONS} AND c.relkind IN ('r', 'p', 'f')""",
    )
    compression = "NULLIF(a.attcompression::text, '')" if major >= 14 else "NULL"
    generated = "a.attgenerated" if major >= 12 else "''"
    yield (
        "column",
        f"""SELECT pg_catalog.quote_ident(a.attname), {RELATION},
            pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
            {_collation("a.attcollation", "a.atttypid")} AS collation,
            CASE WHEN a.attnotnull THEN 'not null' END AS "not null",
            CASE WHEN {generated} = '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END AS default,
            -- Before PostgreSQL 17 partitions do not have their table's.
            CASE WHEN NOT c.relispartition THEN NULLIF(a.attidentity::text, '') END AS identity,
            CASE WHEN {generated} <> '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END AS generated,
            CASE {generated} WHEN 's' THEN 'stored' WHEN 'v' THEN 'virtual' END AS "generated is",
            {_options("a.attfdwoptions")} AS "foreign options",
            {_options("a.attoptions")} AS options,
            CASE WHEN a.attstorage <> y.typstorage THEN a.attstorage::text END AS storage, {compression} AS compression,
            NULLIF(COALESCE(a.attstattarget, -1), -1)::text AS "statistics target",
            pg_catalog.col_description(c.oid, a.attnum) AS comment, {_grants("a.attacl", "c", "c.relowner")}
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
            LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE {OWN_SCHEMA} AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c')
                AND {NO_EXTENSION.format(catalog="pg_class", oid="c.oid")}
                AND (c.relkind <> 'c' OR {NO_EXTENSION.format(catalog="pg_type", oid="c.reltype")})""",
    )
    for kind, letter in (("view", "v"), ("materialized view", "m")):
        yield (
            kind,
            f"""SELECT {RELATION}, '', pg_catalog.pg_get_viewdef(c.oid) AS definition, {_ORDER} AS "order of columns",
            {_options("c.reloptions")} AS options, {common} {RELATIONS} AND c.relkind = '{letter}'""",
        )
    yield (
        "sequence",
        f"""SELECT {RELATION}, '', s.seqtypid::pg_catalog.regtype::text AS type, s.seqstart::text AS start,
            s.seqincrement::text AS increment, s.seqmin::text AS minimum, s.seqmax::text AS maximum,
            s.seqcache::text AS cache, CASE WHEN s.seqcycle THEN 'cycle' END AS cycle,
            CASE c.relpersistence WHEN 'u' THEN 'unlogged' END AS persistence,
            (SELECT pg_catalog.format('%I.%I.%I', on_.nspname, oc.relname, oa.attname)
                FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class oc ON oc.oid = d.refobjid
                JOIN pg_catalog.pg_namespace on_ ON on_.oid = oc.relnamespace
                JOIN pg_catalog.pg_attribute oa ON oa.attrelid = oc.oid AND oa.attnum = d.refobjsubid
                WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
                    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i'))
                AS "owned by",
            {_comment("pg_class", "c")}, {_owner("c.relowner")}, {_grants("c.relacl", "s", "c.relowner")}
            FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE {owned("pg_class", "c")}""",
    )
    yield (
        "index",
        f"""SELECT {RELATION}, '', pg_catalog.pg_get_indexdef(c.oid) AS definition,
            CASE WHEN NOT i.indisvalid THEN 'not valid' END AS valid,
            CASE WHEN NOT (i.indisready AND i.indislive) THEN 'not ready' END AS ready,
            {_PARENTS} AS "attached to", CASE WHEN i.indisreplident THEN 'replica identity' END AS "replica identity",
            CASE WHEN i.indisclustered THEN 'clustered' END AS clustered,
            (SELECT s.spcname FROM pg_catalog.pg_tablespace s WHERE s.oid = c.reltablespace) AS tablespace,
            {_comment("pg_class", "c")}
            FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
            JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE {OWN_SCHEMA} AND {NO_EXTENSION.format(catalog="pg_class", oid="t.oid")}""",
    )
    yield (
        "composite type",
        f"""SELECT {RELATION}, '', {_ORDER} AS "order of columns", {_comment("pg_type", "y")},
            {_owner("c.relowner")}, {_grants("y.typacl", "T", "y.typowner")}
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_catalog.pg_type y ON y.oid = c.reltype
            WHERE {OWN_SCHEMA} AND c.relkind = 'c' AND {NO_EXTENSION.format(catalog="pg_type", oid="c.reltype")}""",
    )


_ON_RELATION = f"""JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE {OWN_SCHEMA} AND {NO_EXTENSION.format(catalog="pg_class", oid="c.oid")}"""


def _on_relations(major: int) -> Queries:
    # A constraint that a partition has from its table goes by the table's. Since PostgreSQL 18 "not null" is one, too;
    # here it is a part of the column.
    yield (
        "constraint",
        f"""SELECT pg_catalog.quote_ident(k.conname), {RELATION}, pg_catalog.pg_get_constraintdef(k.oid) AS definition,
            CASE WHEN NOT k.convalidated THEN 'not validated' END AS validated,
            -- Of the triggers that see to a foreign key.
            (SELECT NULLIF(pg_catalog.string_agg(DISTINCT t.tgenabled::text, ', '), 'O') FROM pg_catalog.pg_trigger t
                WHERE t.tgconstraint = k.oid AND t.tgisinternal) AS "triggers enabled",
            {_comment("pg_constraint", "k")}
            FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid {_ON_RELATION}
                AND k.contype <> 'n' AND {"k.conparentid = 0" if major >= 11 else "true"}
            UNION ALL
            SELECT pg_catalog.quote_ident(k.conname), {name_of("y", "typname")},
            pg_catalog.pg_get_constraintdef(k.oid), CASE WHEN NOT k.convalidated THEN 'not validated' END, NULL,
            pg_catalog.obj_description(k.oid, 'pg_constraint')
            FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_type y ON y.oid = k.contypid
            JOIN pg_catalog.pg_namespace n ON n.oid = y.typnamespace
            WHERE {owned("pg_type", "y")} AND k.contype <> 'n'""",
    )
    yield (
        "trigger",
        f"""SELECT pg_catalog.quote_ident(t.tgname), {RELATION}, pg_catalog.pg_get_triggerdef(t.oid) AS definition,
            CASE t.tgenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always'
                ELSE 'origin' END AS enabled, {_comment("pg_trigger", "t")}
            FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid {_ON_RELATION}
                AND NOT t.tgisinternal""",
    )
    yield (
        "rule",
        f"""SELECT pg_catalog.quote_ident(r.rulename), {RELATION}, pg_catalog.pg_get_ruledef(r.oid) AS definition,
            CASE r.ev_enabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always'
                ELSE 'origin' END AS enabled, {_comment("pg_rewrite", "r")}
            FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class {_ON_RELATION}
                AND r.rulename <> '_RETURN'""",
    )
    yield (
        "policy",
        f"""SELECT pg_catalog.quote_ident(p.polname), {RELATION}, p.polcmd::text AS command,
            CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END AS form,
            (SELECT pg_catalog.string_agg(CASE o WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(o) END, ', '
                ORDER BY 1) FROM pg_catalog.unnest(p.polroles) o) AS roles,
            pg_catalog.pg_get_expr(p.polqual, p.polrelid) AS using,
            pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) AS check, {_comment("pg_policy", "p")}
            FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid {_ON_RELATION}""",
    )
    target = "NULLIF(COALESCE(s.stxstattarget, -1), -1)::text" if major >= 13 else "NULL"
    yield (
        "extended statistics",
        f"""SELECT {name_of("s", "stxname")}, '', pg_catalog.pg_get_statisticsobjdef(s.oid) AS definition,
            {target} AS "statistics target", {_comment("pg_statistic_ext", "s")}, {_owner("s.stxowner")}
            FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
            WHERE {owned("pg_statistic_ext", "s")}""",
    )


def _programs(_: int) -> Queries:
    signature = """pg_catalog.format('%I.%I(%s)', n.nspname, p.proname,
        pg_catalog.pg_get_function_identity_arguments(p.oid))"""
    common = f"{_comment('pg_proc', 'p')}, {_owner('p.proowner')}, {_grants('p.proacl', 'f', 'p.proowner')}"
    source = """FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace"""
    for kind, letters in (("function", "'f', 'w'"), ("procedure", "'p'")):
        yield (
            kind,
            f"""SELECT {signature}, '', pg_catalog.pg_get_functiondef(p.oid) AS definition, {common}
            {source} WHERE {owned("pg_proc", "p")} AND p.prokind IN ({letters})
                AND NOT {_made_for("pg_proc", "p")}""",
        )
    state = f"pg_catalog.concat_ws(', ', {_type('a.aggtranstype')}, a.aggtransspace, a.agginitval)"
    moving = f"pg_catalog.concat_ws(', ', {_type('a.aggmtranstype')}, a.aggmtransspace, a.aggminitval)"
    functions = ", ".join(
        f'{_procedure(f"a.{column}::pg_catalog.oid")} AS "{part}"'
        for column, part in (
            ("aggtransfn", "state function"),
            ("aggfinalfn", "final function"),
            ("aggcombinefn", "combine function"),
            ("aggserialfn", "serialize function"),
            ("aggdeserialfn", "deserialize function"),
            ("aggmtransfn", "moving state function"),
            ("aggminvtransfn", "inverse function"),
            ("aggmfinalfn", "moving final function"),
        )
    )
    yield (
        "aggregate",
        f"""SELECT {signature}, '', a.aggkind::text AS form, {_type("p.prorettype")} AS returns, {functions},
            {state} AS state, {moving} AS "moving state",
            pg_catalog.concat_ws(' ', a.aggfinalextra, a.aggmfinalextra, a.aggfinalmodify, a.aggmfinalmodify,
                p.proparallel, p.proisstrict) AS options,
            CASE WHEN a.aggsortop <> 0 THEN a.aggsortop::pg_catalog.regoperator::text END AS "sort operator", {common}
            FROM pg_catalog.pg_aggregate a JOIN pg_catalog.pg_proc p ON p.oid = a.aggfnoid::pg_catalog.oid
            JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE {owned("pg_proc", "p")}""",
    )
    yield (
        "operator",
        f"""SELECT pg_catalog.format('%I.%s(%s, %s)', n.nspname, o.oprname, {_type("o.oprleft")},
                {_type("o.oprright")}), '', {_procedure("o.oprcode::pg_catalog.oid")} AS function,
            {_type("o.oprresult")} AS returns,
            CASE WHEN o.oprcom <> 0 THEN o.oprcom::pg_catalog.regoperator::text END AS commutator,
            CASE WHEN o.oprnegate <> 0 THEN o.oprnegate::pg_catalog.regoperator::text END AS negator,
            pg_catalog.concat_ws(' ', CASE WHEN o.oprcanmerge THEN 'merges' END,
                CASE WHEN o.oprcanhash THEN 'hashes' END, NULLIF(o.oprrest::text, '-'), NULLIF(o.oprjoin::text, '-'))
                AS options, {_comment("pg_operator", "o")}, {_owner("o.oprowner")}
            FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
            WHERE {owned("pg_operator", "o")}""",
    )
    yield (
        "operator class",
        f"""SELECT pg_catalog.format('%s using %s', {name_of("o", "opcname")}, m.amname), '',
            {_type("o.opcintype")} AS type, {_type("o.opckeytype")} AS storage,
            CASE WHEN o.opcdefault THEN 'default' END AS default, {name_of("f", "opfname", "fn")} AS family,
            {_comment("pg_opclass", "o")}, {_owner("o.opcowner")}
            FROM pg_catalog.pg_opclass o JOIN pg_catalog.pg_namespace n ON n.oid = o.opcnamespace
            JOIN pg_catalog.pg_am m ON m.oid = o.opcmethod JOIN pg_catalog.pg_opfamily f ON f.oid = o.opcfamily
            JOIN pg_catalog.pg_namespace fn ON fn.oid = f.opfnamespace WHERE {owned("pg_opclass", "o")}""",
    )
    yield (
        "operator family",
        f"""SELECT pg_catalog.format('%s using %s', {name_of("f", "opfname")}, m.amname), '',
            (SELECT pg_catalog.string_agg(pg_catalog.format('%s %s', a.amopstrategy, a.amopopr::pg_catalog.regoperator),
                ', ' ORDER BY a.amopopr::pg_catalog.regoperator::text, a.amopstrategy)
                FROM pg_catalog.pg_amop a WHERE a.amopfamily = f.oid) AS operators,
            (SELECT pg_catalog.string_agg(pg_catalog.format('%s %s', a.amprocnum,
                {_procedure("a.amproc::pg_catalog.oid")}), ', ' ORDER BY a.amprocnum, a.amproc::text)
                FROM pg_catalog.pg_amproc a WHERE a.amprocfamily = f.oid) AS functions,
            {_comment("pg_opfamily", "f")}, {_owner("f.opfowner")}
            FROM pg_catalog.pg_opfamily f JOIN pg_catalog.pg_namespace n ON n.oid = f.opfnamespace
            JOIN pg_catalog.pg_am m ON m.oid = f.opfmethod WHERE {owned("pg_opfamily", "f")}""",
    )
    yield (
        "cast",
        f"""SELECT pg_catalog.format('(%s AS %s)', {_type("k.castsource")}, {_type("k.casttarget")}), '',
            {_procedure("k.castfunc")} AS function, k.castcontext::text AS context, k.castmethod::text AS method,
            {_comment("pg_cast", "k")}
            FROM pg_catalog.pg_cast k WHERE k.oid >= 16384 AND {NO_EXTENSION.format(catalog="pg_cast", oid="k.oid")}
                AND NOT {_made_for("pg_cast", "k")}""",
    )
    yield (
        "language",
        f"""SELECT pg_catalog.quote_ident(l.lanname), '', CASE WHEN l.lanpltrusted THEN 'trusted' END AS trusted,
            {_procedure("l.lanplcallfoid")} AS handler, {_comment("pg_language", "l")}, {_owner("l.lanowner")},
            {_grants("l.lanacl", "l", "l.lanowner")}
            FROM pg_catalog.pg_language l WHERE l.oid >= 16384
                AND {NO_EXTENSION.format(catalog="pg_language", oid="l.oid")}""",
    )
    yield (
        "transform",
        f"""SELECT pg_catalog.format('for %s language %I', {_type("t.trftype")}, l.lanname), '',
            {_procedure("t.trffromsql::pg_catalog.oid")} AS "from sql",
            {_procedure("t.trftosql::pg_catalog.oid")} AS "to sql"
            FROM pg_catalog.pg_transform t JOIN pg_catalog.pg_language l ON l.oid = t.trflang
            WHERE {NO_EXTENSION.format(catalog="pg_transform", oid="t.oid")}""",
    )
    yield (
        "event trigger",
        f"""SELECT pg_catalog.quote_ident(e.evtname), '', e.evtevent::text AS event,
            {_procedure("e.evtfoid")} AS function, pg_catalog.array_to_string(e.evttags, ', ') AS tags,
            CASE e.evtenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always'
                ELSE 'origin' END AS enabled, {_comment("pg_event_trigger", "e")}, {_owner("e.evtowner")}
            FROM pg_catalog.pg_event_trigger e
            WHERE e.evtname {_OURS} AND {NO_EXTENSION.format(catalog="pg_event_trigger", oid="e.oid")}""",
    )


def _types(major: int) -> Queries:
    multirange = "r.rngmultitypid" if major >= 14 else "0"
    yield (
        "type",
        f"""SELECT {name_of("y", "typname")}, '', y.typtype::text AS form, {_type("y.typbasetype", "y.typtypmod")}
                AS "base type",
            y.typdefault AS default, CASE WHEN y.typnotnull THEN 'not null' END AS "not null",
            CASE WHEN y.typtype = 'd' THEN {_collation("y.typcollation", "y.typbasetype")} END AS collation,
            (SELECT pg_catalog.string_agg(pg_catalog.quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
                FROM pg_catalog.pg_enum e WHERE e.enumtypid = y.oid) AS labels,
            (SELECT pg_catalog.concat_ws(', ', {_type("r.rngsubtype")}, (SELECT {name_of("o", "opcname", "rn")}
                    FROM pg_catalog.pg_opclass o JOIN pg_catalog.pg_namespace rn ON rn.oid = o.opcnamespace
                    WHERE o.oid = r.rngsubopc), {_collation("r.rngcollation", "r.rngsubtype")},
                    NULLIF(r.rngcanonical::text, '-'), NULLIF(r.rngsubdiff::text, '-'), {_type(multirange)})
                FROM pg_catalog.pg_range r WHERE r.rngtypid = y.oid) AS range,
            CASE WHEN y.typtype = 'b' THEN pg_catalog.concat_ws(' ', {_procedure("y.typinput::pg_catalog.oid")},
                {_procedure("y.typoutput::pg_catalog.oid")}, y.typlen, y.typalign, y.typstorage, y.typcategory) END
                AS functions,
            {_comment("pg_type", "y")}, {_owner("y.typowner")}, {_grants("y.typacl", "T", "y.typowner")}
            FROM pg_catalog.pg_type y JOIN pg_catalog.pg_namespace n ON n.oid = y.typnamespace
            WHERE {owned("pg_type", "y")} AND (y.typtype IN ('d', 'e', 'r')
                OR (y.typtype = 'b' AND NOT EXISTS (SELECT FROM pg_catalog.pg_type x WHERE x.typarray = y.oid)))""",
    )
    collation = "c.collprovider::text"
    locale = {False: "NULL", True: "c.colllocale" if major >= 17 else "c.colliculocale"}[major >= 15]
    deterministic = "CASE WHEN NOT c.collisdeterministic THEN 'not deterministic' END" if major >= 12 else "NULL"
    spelled = "COALESCE(c.collcollate, " + locale + ")" if major >= 15 else "c.collcollate"
    rules = "c.collicurules" if major >= 16 else "NULL"
    yield (
        "collation",
        f"""SELECT {name_of("c", "collname")}, '', {collation} AS provider, {spelled} AS locale,
            {deterministic} AS deterministic, {rules} AS rules,
            {_comment("pg_collation", "c")}, {_owner("c.collowner")}
            FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
            WHERE {owned("pg_collation", "c")}""",
    )
    yield (
        "conversion",
        f"""SELECT {name_of("c", "conname")}, '', pg_catalog.concat_ws(' ',
                pg_catalog.pg_encoding_to_char(c.conforencoding), 'to',
                pg_catalog.pg_encoding_to_char(c.contoencoding),
                {_procedure("c.conproc::pg_catalog.oid")},
                c.condefault) AS definition, {_comment("pg_conversion", "c")}, {_owner("c.conowner")}
            FROM pg_catalog.pg_conversion c JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
            WHERE {owned("pg_conversion", "c")}""",
    )


def _text_search(_: int) -> Queries:
    yield (
        "text search configuration",
        f"""SELECT {name_of("t", "cfgname")}, '', (SELECT {name_of("p", "prsname", "pn")}
                FROM pg_catalog.pg_ts_parser p JOIN pg_catalog.pg_namespace pn ON pn.oid = p.prsnamespace
                WHERE p.oid = t.cfgparser) AS parser,
            (SELECT pg_catalog.string_agg(pg_catalog.format('%s %s', m.maptokentype,
                    m.mapdict::pg_catalog.regdictionary), ', ' ORDER BY m.maptokentype, m.mapseqno)
                FROM pg_catalog.pg_ts_config_map m WHERE m.mapcfg = t.oid) AS mappings,
            {_comment("pg_ts_config", "t")}, {_owner("t.cfgowner")}
            FROM pg_catalog.pg_ts_config t JOIN pg_catalog.pg_namespace n ON n.oid = t.cfgnamespace
            WHERE {owned("pg_ts_config", "t")}""",
    )
    yield (
        "text search dictionary",
        f"""SELECT {name_of("t", "dictname")}, '', (SELECT {name_of("p", "tmplname", "pn")}
                FROM pg_catalog.pg_ts_template p JOIN pg_catalog.pg_namespace pn ON pn.oid = p.tmplnamespace
                WHERE p.oid = t.dicttemplate) AS template, t.dictinitoption AS options,
            {_comment("pg_ts_dict", "t")}, {_owner("t.dictowner")}
            FROM pg_catalog.pg_ts_dict t JOIN pg_catalog.pg_namespace n ON n.oid = t.dictnamespace
            WHERE {owned("pg_ts_dict", "t")}""",
    )
    for kind, catalog, prefix in (
        ("text search parser", "pg_ts_parser", "prs"),
        ("text search template", "pg_ts_template", "tmpl"),
    ):
        yield (
            kind,
            f"""SELECT {name_of("t", f"{prefix}name")}, '', {_comment(catalog, "t")} FROM pg_catalog.{catalog} t
            JOIN pg_catalog.pg_namespace n ON n.oid = t.{prefix}namespace WHERE {owned(catalog, "t")}""",
        )


def _database(major: int) -> Queries:
    yield (
        "schema",
        f"""SELECT pg_catalog.quote_ident(n.nspname), '',
            CASE WHEN n.nspname <> 'public' THEN pg_catalog.obj_description(n.oid, 'pg_namespace') END AS comment,
            {_owner("n.nspowner")}, {_grants("n.nspacl", "n", "n.nspowner")}
            FROM pg_catalog.pg_namespace n
            WHERE n.nspname {_OURS} AND {OWN_SCHEMA} AND {NO_EXTENSION.format(catalog="pg_namespace", oid="n.oid")}""",
    )
    yield (
        "extension",
        f"""SELECT pg_catalog.quote_ident(e.extname), '', pg_catalog.quote_ident(n.nspname) AS schema,
            e.extversion AS version
            FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
            WHERE e.extname {_OURS}""",
    )
    yield (
        "foreign data wrapper",
        f"""SELECT pg_catalog.quote_ident(w.fdwname), '', {_procedure("w.fdwhandler")} AS handler,
            {_procedure("w.fdwvalidator")} AS validator, {_options("w.fdwoptions")} AS options,
            {_comment("pg_foreign_data_wrapper", "w")}, {_owner("w.fdwowner")}, {_grants("w.fdwacl", "F", "w.fdwowner")}
            FROM pg_catalog.pg_foreign_data_wrapper w
            WHERE {NO_EXTENSION.format(catalog="pg_foreign_data_wrapper", oid="w.oid")}""",
    )
    yield (
        "foreign server",
        f"""SELECT pg_catalog.quote_ident(s.srvname), '', w.fdwname::text AS wrapper, s.srvtype AS type,
            s.srvversion AS version, {_options("s.srvoptions")} AS options, {_comment("pg_foreign_server", "s")},
            {_owner("s.srvowner")}, {_grants("s.srvacl", "S", "s.srvowner")}
            FROM pg_catalog.pg_foreign_server s JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw
            WHERE {NO_EXTENSION.format(catalog="pg_foreign_server", oid="s.oid")}""",
    )
    yield (
        "user mapping",
        """SELECT pg_catalog.format('%s on %I', u.usename, u.srvname), '' FROM pg_catalog.pg_user_mappings u""",
    )
    tables = """(SELECT pg_catalog.string_agg(pg_catalog.format('%I.%I', t.schemaname, t.tablename), ', '
        ORDER BY t.schemaname, t.tablename) FROM pg_catalog.pg_publication_tables t WHERE t.pubname = p.pubname)"""
    yield (
        "publication",
        f"""SELECT pg_catalog.quote_ident(p.pubname), '', CASE WHEN p.puballtables THEN 'all tables' ELSE {tables} END
                AS tables, pg_catalog.concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END,
                CASE WHEN p.pubupdate THEN 'update' END, CASE WHEN p.pubdelete THEN 'delete' END,
                CASE WHEN p.pubtruncate THEN 'truncate' END) AS actions
            FROM pg_catalog.pg_publication p WHERE p.pubname {_OURS} AND p.pubname NOT LIKE 'airflow\\_dbaas\\_%'""",
    )
    yield (
        "default privileges",
        """SELECT pg_catalog.concat_ws(' ', 'of', pg_catalog.pg_get_userbyid(d.defaclrole),
                'on', CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
                WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE d.defaclobjtype::text END,
                'in ' || pg_catalog.quote_ident(n.nspname)), '',
            (SELECT pg_catalog.string_agg(a::text, ', ' ORDER BY a::text)
                FROM pg_catalog.unnest(d.defaclacl) a) AS grants
            FROM pg_catalog.pg_default_acl d LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace""",
    )
    settings = """(SELECT pg_catalog.string_agg(c, '; ' ORDER BY c) FROM pg_catalog.unnest(s.setconfig) c)"""
    yield (
        "settings of the database",
        f"""SELECT '', '', {settings} AS settings FROM pg_catalog.pg_db_role_setting s
            JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
            WHERE d.datname = pg_catalog.current_database() AND s.setrole = 0""",
    )
    yield (
        "settings of a role in the database",
        f"""SELECT pg_catalog.pg_get_userbyid(s.setrole), '', {settings} AS settings
            FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
            WHERE d.datname = pg_catalog.current_database() AND s.setrole <> 0""",
    )
    if major >= 17:
        locale = "COALESCE(d.datlocale, d.datcollate)"
    elif major >= 15:
        locale = "COALESCE(d.daticulocale, d.datcollate)"
    else:
        locale = "d.datcollate"
    provider = "d.datlocprovider" if major >= 15 else "'c'"
    yield (
        "database",
        f"""SELECT '', '', pg_catalog.concat_ws(' ', {locale}, CASE {provider} WHEN 'i' THEN '(ICU)'
                WHEN 'b' THEN '(builtin)' END) AS collation, d.datctype::text AS "character classes",
            pg_catalog.pg_encoding_to_char(d.encoding) AS encoding,
            NULLIF(d.datconnlimit, -1)::text AS "connection limit",
            pg_catalog.shobj_description(d.oid, 'pg_database') AS comment,
            {_owner("d.datdba")}, {_grants("d.datacl", "d", "d.datdba")}
            FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()""",
    )


_GROUPS = (_database, _types, _relations, _on_relations, _programs, _text_search)


def queries(major: int) -> Queries:
    """For each kind the query for its objects."""
    for group in _GROUPS:
        yield from group(major)


def definitions(session: PostgresSession) -> tuple[Definitions, dict[str, str]]:
    """All objects of a database.

    :return: their definitions, and for each kind that could not be read why.
    """
    found: Definitions = {}
    failed: dict[str, str] = {}
    for kind, query in queries(session.major):
        try:
            with session.attempt():
                for record in session.records(query):
                    (_, name), (_, parent), *parts = record
                    found[Key(kind, name, parent)] = dict(parts)
        except DbaasDatabaseError as error:
            failed[kind] = str(error)
    return found, failed


def roles(session: PostgresSession) -> Definitions:
    """The roles of a server, but for the system's and the one that it was made with."""
    found: Definitions = {}
    for record in session.records(
        """SELECT pg_catalog.quote_ident(r.rolname), pg_catalog.concat_ws(', ',
            CASE WHEN r.rolcanlogin THEN 'login' END, CASE WHEN r.rolsuper THEN 'superuser' END,
            CASE WHEN r.rolbypassrls THEN 'bypassrls' END, CASE WHEN r.rolcreatedb THEN 'createdb' END,
            CASE WHEN r.rolcreaterole THEN 'createrole' END, CASE WHEN r.rolreplication THEN 'replication' END,
            CASE WHEN NOT r.rolinherit THEN 'noinherit' END, 'limit ' || NULLIF(r.rolconnlimit, -1)) AS attributes,
            (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(g.rolname), ', ' ORDER BY g.rolname)
                FROM (SELECT DISTINCT m.roleid FROM pg_catalog.pg_auth_members m WHERE m.member = r.oid) m
                JOIN pg_catalog.pg_roles g ON g.oid = m.roleid) AS "member of",
            (SELECT pg_catalog.string_agg(c, '; ' ORDER BY c) FROM pg_catalog.unnest(r.rolconfig) c) AS settings
        FROM pg_catalog.pg_roles r WHERE r.oid >= 16384"""
    ):
        (_, name), *parts = record
        found[Key("role", name)] = dict(parts)
    return found


# Parts whose text the server generates, and generated differently before PostgreSQL 16.
_REWRITTEN = {
    "view": ("definition",),
    "materialized view": ("definition",),
    "rule": ("definition",),
    "policy": ("using", "check"),
}
_QUALIFIER = re.compile(r'(?:"(?:[^"]|"")+"|[a-z_][\w$]*)\.(?=["a-z_])')
_NO_MEANING = re.compile(r"[\s()]+")


def without_spelling(definition: str) -> str:
    """What a view is made from, without what servers before and since PostgreSQL 16 write differently."""
    return _NO_MEANING.sub(" ", _QUALIFIER.sub("", definition)).strip()


def brought_together(wanted: Definitions, found: Definitions, *, majors: tuple[int, int], replicating: bool) -> None:
    """Take out what is no difference.

    :param majors: the versions of source and target.
    :param replicating: replication goes on.
    """
    other_spelling = min(majors) < 16 <= max(majors)
    for key in wanted.keys() & found.keys():
        one, other = dict(wanted[key] or {}), dict(found[key] or {})
        columns = [(end.get("order of columns") or "").split(", ") for end in (one, other)]
        if sorted(columns[0]) != sorted(columns[1]):
            # One more column does not put the others into another order.
            one.pop("order of columns"), other.pop("order of columns")
        if replicating:
            # Of a table without a key, a replication changes it at the source until it is stopped.
            one.pop("replica identity", None), other.pop("replica identity", None)
        if other_spelling:
            for part in _REWRITTEN.get(key.kind, ()):
                for end in (one, other):
                    end[part] = without_spelling(end[part] or "")
        wanted[key], found[key] = one, other
    for definitions, others in ((wanted, found), (found, wanted)):
        # What is true of a whole table is not said of its parts again.
        alone = {key.name for key in definitions.keys() - others.keys() if not key.parent}
        for key in [key for key in definitions if key.parent and key.parent in alone]:
            del definitions[key]
