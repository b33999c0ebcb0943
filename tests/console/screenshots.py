"""Takes a picture of every page of the console, in light, in dark and on a phone, into `build/screenshots`: `make screenshots`."""

import asyncio
import re
import tempfile
from pathlib import Path
from typing import Literal

from playwright.async_api import ViewportSize

from adapters.shipped_files import PROJECT
from domain.roles import Role
from tests.console.browser import DESK, PHONE
from tests.console.browser_stage import list_pages, open_stage

FOLDER = PROJECT / "build" / "screenshots"
LOOKS: dict[str, tuple[Literal["light", "dark"], ViewportSize]] = {
    "light": ("light", DESK),
    "dark": ("dark", DESK),
    "phone": ("light", PHONE),
}


async def take_pictures() -> int:
    """Return how many were taken."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with open_stage(Path(folder)) as stage:
            for role in (Role.COLLECTOR, Role.COLLECTIONS_MANAGER):
                page = await stage.site.sign_in("mia" if role is Role.COLLECTOR else "anna", role)
                for path in list_pages(stage):
                    name = re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-") or "portfolio"
                    for look, (scheme, size) in LOOKS.items():
                        await page.emulate_media(color_scheme=scheme)
                        await page.set_viewport_size(size)
                        await page.goto(stage.site.url + path)
                        await page.screenshot(path=FOLDER / f"{role.value}.{name}.{look}.png", full_page=True)
            await stage.site.close_windows()
    return len(list(FOLDER.glob("*.png")))


if __name__ == "__main__":
    print(f"{asyncio.run(take_pictures())} pictures in {FOLDER.relative_to(PROJECT)}")
