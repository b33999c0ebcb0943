"""Addresses that a request brings along, to lead back by: a page must not lead elsewhere."""


def is_own_address(address: str) -> bool:
    """Whether it leads to a page of ours."""
    return address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
