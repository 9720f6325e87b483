"""Consent: documents as imported, the ledger of revisions, and the gate, which alone says yes."""
