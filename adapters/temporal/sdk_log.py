"""The Temporal SDK's own log, which it writes past Python's unless it is told where to."""

import logging
from functools import cache

from temporalio.runtime import LogForwardingConfig, LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter


@cache
def forward_sdk_log() -> None:
    """Hand the SDK's warnings and errors to the log that is set up, as lines among the others. Before the first client connects."""
    forwarding = LogForwardingConfig(logging.getLogger("temporalio.sdk"), append_target_to_name=False)
    chosen = LoggingConfig(TelemetryFilter(core_level="WARN", other_level="ERROR"), forwarding)
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=chosen)), error_if_already_set=False)
