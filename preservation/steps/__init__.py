"""The steps of the archive's procedures: each takes the wired archive and puts stages together; the flows and the CLI call these.

A step may be run again after any death and ends in the same state. What it returns is small, typed and without content, fit
for a report. docs/decisions/0001-steps.md says why this layer exists.
"""
