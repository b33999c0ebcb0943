"""What the Temporal SDK tells of itself: its log, which it writes past Python's unless it is told where to, and its metrics."""

import logging
from dataclasses import dataclass

import httpx
import structlog
from temporalio.runtime import LogForwardingConfig, LoggingConfig, PrometheusConfig, Runtime, TelemetryConfig, TelemetryFilter

from adapters.loopback import LOOPBACK_ADDRESS
from adapters.temporal.embedded_server import find_free_port

PORT_ATTEMPTS = 5
METRICS_SECONDS = 5.0

log = structlog.get_logger(__name__)


@dataclass
class SdkTelemetry:
    """That of this process, which has one SDK. `metrics_url` is None where it keeps no metrics."""

    is_set_up: bool = False
    metrics_url: str | None = None


telemetry = SdkTelemetry()


def forward_sdk_log() -> None:
    """Hand the SDK's warnings and errors to the log that is set up, as lines among the others. Before the first client connects."""
    if not telemetry.is_set_up:
        telemetry.is_set_up = True
        Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=_build_logging())), error_if_already_set=False)


def measure_sdk() -> None:
    """Do as `forward_sdk_log` does, and keep the SDK's metrics, for `read_sdk_metrics`."""
    if not telemetry.is_set_up:
        telemetry.is_set_up = True
        Runtime.set_default(_build_measuring_runtime(), error_if_already_set=False)


def read_sdk_metrics() -> str:
    """Return the SDK's metrics in Prometheus' text format, times in seconds; nothing where none are kept. Blocks for some milliseconds."""
    if telemetry.metrics_url is None:
        return ""
    try:
        return httpx.get(telemetry.metrics_url, timeout=METRICS_SECONDS, trust_env=False).raise_for_status().text
    except httpx.HTTPError as error:
        log.warning("sdk_metrics_unread", reason=str(error))
        return ""


def _build_measuring_runtime(attempts: int = PORT_ATTEMPTS) -> Runtime:
    """The SDK counts by itself, and shows that on a port, to this machine alone: counted in Python, each event would cost time."""
    address = f"{LOOPBACK_ADDRESS}:{find_free_port()}"
    metrics = PrometheusConfig(address, counters_total_suffix=True, unit_suffix=True, durations_as_seconds=True)
    try:
        runtime = Runtime(telemetry=TelemetryConfig(logging=_build_logging(), metrics=metrics))
    except ValueError:  # another program was given the same free port
        if not attempts:
            raise
        return _build_measuring_runtime(attempts - 1)
    telemetry.metrics_url = f"http://{address}/metrics"
    return runtime


def _build_logging() -> LoggingConfig:
    forwarding = LogForwardingConfig(logging.getLogger("temporalio.sdk"), append_target_to_name=False)
    return LoggingConfig(TelemetryFilter(core_level="WARN", other_level="ERROR"), forwarding)
