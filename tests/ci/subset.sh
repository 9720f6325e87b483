#!/usr/bin/env bash
# The fixed subset of the long runs: real S3 servers, a real PostgreSQL, a real clamd, a service whose worker is killed, the gate's
# mutants. Installs what it needs into var/ and, as root on Debian, from Debian's packages. Prints what ran; a server that is
# installed and skipped is a failure.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p var

server() { # folder, packages…: a virtual environment of its own, because these conflict with ours
    local folder=var/servers/$1; shift
    [ -x "$folder/bin/python" ] || { python3 -m venv "$folder"; "$folder/bin/pip" install --quiet --disable-pip-version-check "$@"; }
}
server mini 'ministack>=1.5,<2'
server swift 'swift>=2.38,<2.39' pyeclib python-memcached

if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
    if ! command -v memcached >/dev/null || ! ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || ! command -v clamd >/dev/null; then
        packages="memcached postgresql clamav-daemon"
        # shellcheck disable=SC2086
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages; } \
            >var/apt.log 2>&1 || { tail -5 var/apt.log; echo "Debian's packages could not be installed; their servers are left out"; }
    fi
fi

export PATH="$PWD/var/servers/mini/bin:$PWD/var/servers/swift/bin:$PATH"
.venv/bin/pytest -m long tests/conformance tests/sample -q -rs
.venv/bin/pytest -m long tests/service/test_up.py -k "killed_worker or planned" -q -rs
bash tests/ci/mutants.sh
