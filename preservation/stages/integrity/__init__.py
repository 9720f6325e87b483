"""Integrity: looking and mending, which are separate programs.

`expectation` says what ought to be where, `audit` reads it all and writes findings, `repair` reads it all again and replaces
what is damaged from a copy it has just proved intact. Depth and outcome are part of every finding (`model.fixity`).
"""
