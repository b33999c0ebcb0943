"""What a picture shows and no word does: where the acts of a decision stand, and how soon the rows of a list begin on a phone."""

from playwright.async_api import Page, expect

from domain.roles import Role
from tests.console.browser import DESK, PHONE, ConsoleSite, needs_browser
from tests.console.browser_stage import BrowserStage

pytestmark = needs_browser

_FOOT_OF_BAR = "document.querySelector('.decide-bar').getBoundingClientRect().bottom - innerHeight"
_ROWS_BEGIN = "Math.min(...[...document.querySelectorAll('tbody tr')].map((row) => row.getBoundingClientRect().top))"
_TICKS_BESIDE_NUMBERS = """[...document.querySelectorAll('tbody th')].every((head) => {
    const [tick, link] = [...head.querySelectorAll('input, a')].map((each) => each.getBoundingClientRect());
    return tick.right <= link.left && tick.top < link.bottom && link.top < tick.bottom;
})"""


async def find_foot(page: Page) -> list[int]:
    """How far the bar ends from the window's foot, at the page's beginning and at its end."""
    feet = []
    for place in (0, 100_000):
        await page.evaluate(f"scrollTo(0, {place})")
        feet.append(round(await page.evaluate(_FOOT_OF_BAR)))
    return feet


async def test_the_bar_of_a_decision_never_moves_and_a_list_begins_with_its_rows(stage: BrowserStage, site: ConsoleSite) -> None:
    page = await site.sign_in("anna", Role.COLLECTIONS_MANAGER)
    await page.goto(f"{site.url}/approvals/{stage.approvals[2]}")
    for size in (DESK, PHONE):
        await page.set_viewport_size(size)
        assert await find_foot(page) == [0, 0]
    for name in ("invoices", "cases"):
        await page.goto(f"{site.url}/{name}")
        assert await page.evaluate(_ROWS_BEGIN) < PHONE["height"] * 2 / 3
        await page.get_by_text("All filters").click()
        await page.locator("select[name=status]").select_option("any")
    await page.goto(f"{site.url}/invoices")
    for size in (DESK, PHONE):
        await page.set_viewport_size(size)
        assert await page.evaluate(_TICKS_BESIDE_NUMBERS)


async def test_the_queue_stays_where_it_was_read(stage: BrowserStage, site: ConsoleSite) -> None:
    page = await site.sign_in("anna", Role.COLLECTIONS_MANAGER, viewport={"width": 1280, "height": 300})
    await page.goto(f"{site.url}/approvals")
    await page.locator(".queue li a").last.click()
    last = page.locator(".queue li").last
    await expect(last).to_have_attribute("aria-current", "true")
    await expect(last).to_be_in_viewport()
