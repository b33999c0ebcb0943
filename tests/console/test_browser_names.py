"""A session's browser is told apart by its name and its system."""

import pytest

from api.console.browser_names import name_browser


@pytest.mark.parametrize(
    ("called", "named"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36", "Chrome, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36 Edg/120.0", "Edge, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1 Version/17.0 Safari/604.1", "Safari, iPhone"),
        ("Lynx of Maria", "Lynx of Maria"),
        ("x" * 70, f"{'x' * 60}…"),
        ("", ""),
    ],
)
def test_a_browser_is_named_as_people_call_it(called: str, named: str) -> None:
    assert name_browser(called) == named
