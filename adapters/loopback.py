"""How this machine calls itself: what is sent there leaves it for no other."""

LOOPBACK_ADDRESS = "127.0.0.1"
LOOPBACK_HOSTS = frozenset({LOOPBACK_ADDRESS, "::1", "localhost"})
