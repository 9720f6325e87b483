#!/usr/bin/env bash
# Break the consent gate in every way mutmut knows; fail if a single break goes unnoticed.
set -euo pipefail
cd "$(dirname "$0")/../.."
rm -rf mutants
.venv/bin/mutmut run --max-children 2 >var/mutants.log 2>&1 || { tail -20 var/mutants.log; exit 1; }
survivors=$(.venv/bin/mutmut results 2>/dev/null | grep -c -E 'survived|no tests|suspicious|timeout' || true)
killed=$(.venv/bin/mutmut results --all true 2>/dev/null | grep -c ': killed' || true)
echo "mutants of the consent gate: $killed killed, $survivors not"
[ "$killed" -gt 100 ] && [ "$survivors" -eq 0 ] || { .venv/bin/mutmut results; exit 1; }
rm -rf mutants
