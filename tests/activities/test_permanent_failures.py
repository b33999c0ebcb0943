"""What an activity asks for in vain is not asked for again; what may pass by itself is."""

import pytest
from temporalio.exceptions import ApplicationError

from activities.permanent_failures import failing_permanently
from domain.errors import UserError
from tests.user_errors import list_user_errors, make_user_error

PERMANENT = [kind for kind in list_user_errors() if kind.status < 500]
PASSING = [kind for kind in list_user_errors() if kind.status >= 500]


@pytest.mark.parametrize("kind", PERMANENT)
def test_a_user_error_fails_for_good_under_its_own_name(kind: type[UserError]) -> None:
    with pytest.raises(ApplicationError, match="say what to do") as failure, failing_permanently():
        raise make_user_error(kind, "say what to do")
    assert (failure.value.type, failure.value.non_retryable) == (kind.failure_type, True)


@pytest.mark.parametrize("kind", PASSING)
def test_what_may_pass_by_itself_stays_as_it_is(kind: type[UserError]) -> None:
    with pytest.raises(kind), failing_permanently():
        raise make_user_error(kind, "wait a moment")


def test_anything_else_stays_as_it_is() -> None:
    with pytest.raises(KeyError), failing_permanently():
        raise KeyError("a fault of ours")
