"""Of what kind a file is, by its own first bytes: what somebody calls it, and the type that it was sent as, prove nothing."""

from enum import StrEnum


class ShownType(StrEnum):
    """What a browser shows without running anything of it. Whatever can hold a script is not among these, such as SVG and HTML."""

    PDF = "application/pdf"
    PNG = "image/png"
    JPEG = "image/jpeg"
    GIF = "image/gif"
    WEBP = "image/webp"

    @property
    def is_picture(self) -> bool:
        return self is not ShownType.PDF


SIGNATURE_LENGTH = 12
"""So many bytes of a file tell its kind."""

_SIGNATURES = {
    b"%PDF-": ShownType.PDF,
    b"\x89PNG\r\n\x1a\n": ShownType.PNG,
    b"\xff\xd8\xff": ShownType.JPEG,
    b"GIF87a": ShownType.GIF,
    b"GIF89a": ShownType.GIF,
}


def find_shown_type(content: bytes) -> ShownType | None:
    """None for all that a browser is only ever given to keep. The first SIGNATURE_LENGTH bytes suffice."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return ShownType.WEBP
    return next((kind for signature, kind in _SIGNATURES.items() if content.startswith(signature)), None)
