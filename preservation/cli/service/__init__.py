"""`keepsake up`: the archive as a service of one machine (docs/decisions/0008-service.md).

supervisor starts and watches, children are its processes, recovery has dead runs go on, health gathers facts, judging says what they
mean, page shows them.
"""
