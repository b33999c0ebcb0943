"""What fails however often it is tried."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from temporalio.exceptions import ApplicationError

from domain.errors import UserError


@contextmanager
def failing_permanently() -> Iterator[None]:
    """Turn a user error into an ApplicationError that is not retried, of the type that the error names. What may pass by itself, such as
    a server that does not answer (status 500 and above), is left to be retried."""
    try:
        yield
    except UserError as error:
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        raise ApplicationError(str(error), type=error.failure_type, non_retryable=True) from error
