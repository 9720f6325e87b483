"""Intake: bytes into quarantine, archives read safely, exports turned into one vocabulary."""
