"""What an uploaded file says of itself, as far as it can be kept: names and types come from whoever sends the file."""

from pathlib import PurePosixPath

from fastapi import UploadFile

MAX_NAME_LENGTH = 200
ANY_TYPE = "application/octet-stream"


def describe_upload(file: UploadFile, otherwise: str = "file") -> str:
    """Return the file's name without folders and control characters."""
    name = "".join(sign for sign in (file.filename or "").replace("\\", "/") if sign.isprintable())
    return PurePosixPath(name).name[-MAX_NAME_LENGTH:] or otherwise


def describe_media_type(file: UploadFile) -> str:
    """Return the type that it claims to be of."""
    kind = file.content_type or ANY_TYPE
    return kind if kind.isascii() and kind.isprintable() and len(kind) <= MAX_NAME_LENGTH else ANY_TYPE
