"""What the archive knows, in three stores that are kept apart (docs/design.md, "Three stores").

* the **catalogue**: opaque ids, consent states, units, sites, digests of stored bytes, findings, and the ledger; rebuildable;
* the **identity store**: handles and consent documents, encrypted under a key of its own;
* the **key store**: package secrets and throw-away keys, where deleting means gone.

SQLAlchemy is imported here alone. Every change that matters writes its ledger entry in the same transaction.
"""
