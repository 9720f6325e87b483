"""Replication: a staged version becomes one that exists, in two phases (docs/design.md, "A version exists when").

`copy` puts every file at every reachable site and reads it back; `commit` writes the commit to the ledger once enough sites
hold it, and then moves each complete site's root inventory forward. `storage_root` prepares a site that was never used.
"""
