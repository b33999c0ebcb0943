"""Takes a picture of every page of the console, in light, in dark and on a phone, into `build/screenshots`: `make screenshots`, or
`make screenshots ARGS="--language de"`; only some of them, by a pattern of their names, by `ARGS="--pages 'users|tokens'"`.

`make screenshots ARGS="--readme LINK"` takes the README's pictures instead, small, into `docs/images`: of a Duecourse that runs with
the sample, opened by a manager's link of `duecourse sign-in`.
"""

import argparse
import asyncio
import io
import re
import tempfile
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from PIL import Image
from playwright.async_api import Page, ViewportSize, async_playwright

from adapters.i18n.languages import DEFAULT_LANGUAGE, LANGUAGES
from adapters.shipped_files import PROJECT
from domain.roles import Role
from tests.console.browser import CHROMIUM_OPTIONS, DESK, PHONE, find_chromium
from tests.console.browser_stage import list_stage_pages, open_reader, open_stage
from tests.console.page_examples import PageExample

FOLDER = PROJECT / "build" / "screenshots"
LOOKS: dict[str, tuple[Literal["light", "dark"], ViewportSize]] = {
    "light": ("light", DESK),
    "dark": ("dark", DESK),
    "phone": ("light", PHONE),
}

README_FOLDER = PROJECT / "docs" / "images"
README_PAGES: dict[str, tuple[str, Literal["light", "dark"]]] = {
    "today": ("/today", "light"),
    "overview": ("/overview", "light"),
    "account": ("/accounts/C1008", "light"),
    "invoices": ("/invoices", "dark"),
    "approvals": ("/approvals", "light"),
    "letters": ("/letters?whose=all", "light"),
}
README_WIDTH, README_COLOURS = 900, 96
"""Pixels, and how many colours: a picture stays below 80 KB."""

PLAYED_SECONDS = 60
"""Within which the letters of the next days are played."""


OF_COLLECTORS = ("/today", "/approvals", "/letters", "/settings")
"""Pages that a collector sees otherwise than a manager does."""


async def take_pictures(language: str, pages: re.Pattern[str]) -> int:
    """Return how many were taken: of those pages whose name `ROLE.PATH` the pattern fits."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    taken = 0
    with tempfile.TemporaryDirectory() as folder:
        async with open_stage(Path(folder)) as stage:
            examples = await list_stage_pages(stage)
            readers: dict[Role | None, Page] = {}
            for path, role, _ in (*examples, *(PageExample(path, Role.COLLECTOR) for path in OF_COLLECTORS)):
                name = name_picture(path, role)
                if not pages.search(name):
                    continue
                if role not in readers:
                    readers[role] = await open_reader(stage.site, role, language)
                taken += await take_looks(readers[role], stage.site.url + path, name)
            await stage.site.close_windows()
    return taken


def name_picture(path: str, role: Role | None) -> str:
    return f"{role.value if role else 'stranger'}.{re.sub(r'[^a-z0-9]+', '-', path.lower()).strip('-')[:80] or 'portfolio'}"


async def take_looks(page: Page, url: str, name: str) -> int:
    """Return how many."""
    await page.goto(url)
    for look, (scheme, size) in LOOKS.items():
        await page.emulate_media(color_scheme=scheme)
        await page.set_viewport_size(size)
        await page.screenshot(path=FOLDER / f"{name}.{look}.png", full_page=True)
    return len(LOOKS)


async def take_readme_pictures(link: str) -> int:
    README_FOLDER.mkdir(parents=True, exist_ok=True)
    base = "{0.scheme}://{0.netloc}".format(urlsplit(link))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=list(CHROMIUM_OPTIONS))
        page = await browser.new_page(viewport=DESK, locale="en-GB", reduced_motion="reduce")
        await page.goto(link)
        for name, (path, scheme) in README_PAGES.items():
            await page.emulate_media(color_scheme=scheme)
            await page.goto(base + path)
            await page.locator("progress:not([value])").wait_for(state="detached", timeout=PLAYED_SECONDS * 1_000)
            save_small(await page.screenshot(), README_FOLDER / f"{name}.png")
        await browser.close()
    return len(README_PAGES)


def save_small(picture: bytes, path: Path) -> None:
    with Image.open(io.BytesIO(picture)) as whole:
        small = whole.convert("RGB").resize((README_WIDTH, whole.height * README_WIDTH // whole.width), Image.Resampling.LANCZOS)
    small.quantize(README_COLOURS, Image.Quantize.MEDIANCUT, kmeans=3, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readme", metavar="LINK", help="take the README's pictures of a running Duecourse, signed in by this link")
    parser.add_argument("--language", default=DEFAULT_LANGUAGE, choices=LANGUAGES, help="that of the pages' readers")
    parser.add_argument(
        "--pages", type=re.compile, default=re.compile(""), metavar="PATTERN", help="of which pages, by their names: ROLE.PATH"
    )
    given = parser.parse_args()
    if given.readme:
        print(f"{asyncio.run(take_readme_pictures(given.readme))} pictures in {README_FOLDER.relative_to(PROJECT)}")
    else:
        print(f"{asyncio.run(take_pictures(given.language, given.pages))} pictures in {FOLDER.relative_to(PROJECT)}")
