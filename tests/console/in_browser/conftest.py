"""The stage of all files in this folder, and what must hold at the end of each test."""

from collections.abc import AsyncIterator

import pytest

from tests.console.browser import ConsoleSite
from tests.console.browser_stage import BrowserStage, open_stage
from tests.console.openid_provider import provider

__all__ = ["provider"]


@pytest.fixture(scope="package")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BrowserStage]:
    async with open_stage(tmp_path_factory.mktemp("browser")) as stage:
        yield stage


@pytest.fixture
async def site(stage: BrowserStage) -> AsyncIterator[ConsoleSite]:
    """At the end of a test its windows are closed, and no page broke the content policy or a script."""
    yield stage.site
    await stage.site.close_windows()
    complaints, stage.site.complaints[:] = list(stage.site.complaints), []
    assert complaints == []
