#!/bin/sh
# Creates the database on the first start, with the variables of the official image (https://hub.docker.com/_/postgres):
# POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB (each also with _FILE), POSTGRES_INITDB_ARGS, POSTGRES_HOST_AUTH_METHOD,
# PGDATA, and the *.sql, *.sql.gz and *.sh files in /docker-entrypoint-initdb.d.
set -eu

# Sets variable $1 from the file that variable $1_FILE names, if any.
from_file() {
    eval "file=\${$1_FILE:-} value=\${$1:-}"
    if [ -n "$file" ] && [ -n "$value" ]; then
        echo "error: both $1 and $1_FILE are set: use one of them" >&2
        exit 1
    fi
    if [ -n "$file" ]; then
        value=$(cat "$file")
        eval "$1=\$value"
        unset "$1_FILE"
    fi
}

# Creates the database for a server that gets these arguments.
create_database() {
    options=
    for argument; do
        options="$options '$(printf '%s' "$argument" | sed "s/'/'\\\\''/g")'"
    done
    from_file POSTGRES_PASSWORD
    from_file POSTGRES_USER
    from_file POSTGRES_DB
    user=${POSTGRES_USER:-postgres}
    database=${POSTGRES_DB:-$user}
    if [ -z "${POSTGRES_PASSWORD:-}" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
        echo "error: the database has no password: set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE" >&2
        exit 1
    fi
    password=$(mktemp)
    printf '%s\n' "${POSTGRES_PASSWORD:-}" > "$password"
    [ -n "${POSTGRES_PASSWORD:-}" ] || : > "$password"
    # Arguments in POSTGRES_INITDB_ARGS can be quoted, so the shell has to read them again.
    eval "set -- ${POSTGRES_INITDB_ARGS:-}"
    if [ -s "$password" ]; then
        set -- --pwfile="$password" "$@"
    fi
    initdb --username="$user" "$@"
    rm "$password"
    echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
    echo "host all all all ${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$PGDATA/pg_hba.conf"

    # Only local, and where psql looks for it, until the database is complete.
    pg_ctl --options="$options -c listen_addresses='' -p ${PGPORT:-5432}" --wait start
    if [ "$database" != postgres ]; then
        printf 'create database :"name";\n' | psql --username="$user" --dbname=postgres --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --set=name="$database"
    fi
    export POSTGRES_USER="$user" POSTGRES_DB="$database"
    for file in /docker-entrypoint-initdb.d/*; do
        case $file in
            *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
            *.sql) run_sql < "$file" ;;
            *.sql.gz) gunzip -c "$file" | run_sql ;;
        esac
    done
    pg_ctl --mode=fast --wait stop
}

run_sql() {
    psql --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" --no-psqlrc --no-password --set=ON_ERROR_STOP=1
}

case ${1:-} in
    -*) set -- postgres "$@" ;;
esac
if [ "${1:-}" = postgres ]; then
    if [ "$(id -u)" = 0 ]; then
        mkdir -p "$PGDATA" /run/postgresql
        find "$PGDATA" /run/postgresql \! -user postgres -exec chown postgres {} +
        # by its path: the shell of busybox prefers its own program of that name, which cannot change users
        exec /usr/bin/setpriv --reuid=postgres --regid=postgres --clear-groups -- "$0" "$@"
    fi
    mkdir -p "$PGDATA"
    if [ ! -s "$PGDATA/PG_VERSION" ]; then
        (shift; create_database "$@")
    fi
fi
exec "$@"
