"""Names the browser of a session as people call it: what it calls itself is a line of many names."""

BROWSERS = {"Edg": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "CriOS/": "Chrome", "Safari/": "Safari"}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "CrOS": "ChromeOS",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}
"""By what stands in such a line, the more telling first: most name others beside themselves."""

LONGEST = 60


def name_browser(user_agent: str) -> str:
    """`Firefox, Windows`; of what is none of these, what it calls itself, cut where it is long."""
    browser = next((name for mark, name in BROWSERS.items() if mark in user_agent), "")
    if not browser:
        return user_agent if len(user_agent) <= LONGEST else f"{user_agent[:LONGEST]}…"
    system = next((name for mark, name in SYSTEMS.items() if mark in user_agent), "")
    return f"{browser}, {system}" if system else browser
