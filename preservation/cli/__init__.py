"""The operator's commands, in the order of the archive's work. Each parses, calls a step or a flow, and shows what came back.

Exit codes: 0 well, 1 findings or a refusal, 2 wrong use.
"""

from preservation.cli.commands import main

__all__ = ["main"]
