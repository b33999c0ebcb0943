"""A zip that is the same bytes for the same content, and that lists itself: every file with its size and SHA-256, signed.

Files are written as they are added; nothing but their list is kept in memory.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from adapters.audit.export.signing_key import AuditKey

MANIFEST, SIGNATURE = "manifest.json", "signature.json"
GZIP = b"\x1f\x8b"

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can state: a file's own time would make every export another one."""
_UNIX, _READABLE = 3, 0o100644 << 16
_CHUNK = 1 << 20


class SignedZip:
    """Add the files, then `sign`. A name that was added before is a mistake of the caller's (ValueError)."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._listed: dict[str, dict[str, Any]] = {}

    def add(self, path: str, content: bytes, /, **about: Any) -> None:
        """`about`: what the manifest says of it besides; nothing that is None."""
        self.add_chunks(path, [content], len(content), **about)

    def add_file(self, name: str, path: Path, /, **about: Any) -> None:
        self.add_chunks(name, _read_chunks(path), path.stat().st_size, **about)

    def add_chunks(self, name: str, chunks: Iterable[bytes], size_hint: int, /, **about: Any) -> None:
        """`size_hint` decides whether the entry needs the format for files over 2 GiB."""
        if name in self._listed or name in (MANIFEST, SIGNATURE):
            raise ValueError(f"{name} is in the zip already")
        digest, size = hashlib.sha256(), 0
        with self._archive.open(_build_zip_info(name), "w", force_zip64=size_hint > zipfile.ZIP64_LIMIT // 2) as file:
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                file.write(chunk)
        known = {key: value for key, value in about.items() if value is not None}
        self._listed[name] = {"path": name, "size": size, "sha256": digest.hexdigest(), **known}

    def sign(self, key: AuditKey, head: dict[str, Any]) -> dict[str, Any]:
        """Write the manifest, which is `head` and the list of files, and its signature. Nothing can be added after it. The manifest."""
        manifest = {**head, "files": [self._listed[name] for name in sorted(self._listed)]}
        content = json.dumps(manifest, ensure_ascii=False, sort_keys=True, indent=1).encode()
        signature = {
            "algorithm": "Ed25519",
            "signs": MANIFEST,
            "public_key": key.public_hex,
            "signature": key.sign(content).hex(),
        }
        self._archive.writestr(_build_zip_info(MANIFEST), content)
        self._archive.writestr(_build_zip_info(SIGNATURE), json.dumps(signature, indent=1).encode())
        return manifest


def _build_zip_info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.create_system, info.external_attr = _UNIX, _READABLE
    info.compress_type = zipfile.ZIP_STORED if name.endswith(".gz") else zipfile.ZIP_DEFLATED
    return info


def _read_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


__all__ = ["GZIP", "MANIFEST", "SIGNATURE", "SignedZip"]
