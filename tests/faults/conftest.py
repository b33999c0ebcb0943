"""What the tests of faults share: a server that deletes as soon as it may."""

import pytest

from adapters.temporal.embedded_server import TemporalServer


@pytest.fixture
def forgetful_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """It deletes a run when its queues have let go of it, which they would tell twice a minute only."""
    arguments = TemporalServer._build_arguments
    soon = [f'history.{queue}ProcessorUpdateAckInterval="1s"' for queue in ("transfer", "timer", "visibility")]
    told = [part for value in soon for part in ("--dynamic-config-value", value)]
    monkeypatch.setattr(TemporalServer, "_build_arguments", lambda server: [*arguments(server), *told])
