"""The stores of archived histories: beside their rows in the database, or as objects in a bucket of their own."""

from typing import Any, Protocol

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import ObjectStore, from_url

from adapters.set_aside.stages import SetAsideReason
from domain.errors import UserError


class ArchiveStoreError(UserError):
    """The bucket cannot be reached, or denies access."""

    title = "The histories cannot be reached"
    status = 503
    problem_type = "unreachable"
    set_aside_reason = SetAsideReason.STORE_REFUSED


class ArchiveStore(Protocol):
    """Keeps content under keys. Content is never overwritten: putting a key again changes nothing."""

    def put(self, key: str, content: bytes) -> None: ...

    def get(self, key: str) -> bytes | None:
        """Return the content under a key; None when there is none."""

    def exists(self, key: str) -> bool: ...


class BucketStore:
    """Objects in a bucket: S3 or what speaks like it. Raises ArchiveStoreError.

    Give the bucket an object lock: then nobody can take back, or change, what an auditor will need.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @classmethod
    def from_url(cls, url: str, **options: Any) -> "BucketStore":
        """`url` as `s3://BUCKET/PREFIX`. The endpoint, the region and the credentials come from the environment (`AWS_ENDPOINT_URL`,
        `AWS_REGION`, `AWS_ACCESS_KEY_ID`, …) or from the machine's role, unless `options` has them."""
        return cls(from_url(url, **options))

    def put(self, key: str, content: bytes) -> None:
        try:
            obstore.put(self._store, key, content, mode="create")
        except AlreadyExistsError:
            return
        except BaseError as error:
            raise ArchiveStoreError(f"the archive's bucket takes no {key}: {error}") from error

    def get(self, key: str) -> bytes | None:
        try:
            return bytes(obstore.get(self._store, key).bytes())
        except (NotFoundError, FileNotFoundError):
            return None
        except BaseError as error:
            raise ArchiveStoreError(f"the archive's bucket does not give {key}: {error}") from error

    def exists(self, key: str) -> bool:
        try:
            obstore.head(self._store, key)
        except (NotFoundError, FileNotFoundError):
            return False
        except BaseError as error:
            raise ArchiveStoreError(f"the archive's bucket does not tell of {key}: {error}") from error
        return True


def open_archive_store(url: str | None) -> ArchiveStore | None:
    """The bucket of DUECOURSE_ARCHIVE_URL; None where histories stay in the database."""
    return BucketStore.from_url(url) if url else None
