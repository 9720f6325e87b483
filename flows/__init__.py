"""The archive's procedures as Prefect flows: one module a procedure, each to be read aloud. The only importer of Prefect.

The settings below must stand before Prefect is imported: no telemetry, no promotion, and time enough for the embedded server to
start on a busy machine (docs/decisions/0002-pins.md).
"""

import os

NO_TRACKING = "DO_NOT_TRACK"
DEFAULTS = {
    NO_TRACKING: "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_UI_V2_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    "PREFECT_LOGGING_LEVEL": "WARNING",
}

for _name, _value in DEFAULTS.items():
    os.environ.setdefault(_name, _value)
