"""How the command line reports what went wrong: a sentence for what a person can mend, a traceback for the rest."""

import pytest

from cli.app import _report_error
from domain.errors import UserError
from tests.user_errors import list_user_errors, make_user_error


@pytest.mark.parametrize("kind", list_user_errors())
def test_every_user_error_is_one_sentence_on_standard_error(kind: type[UserError], capsys: pytest.CaptureFixture[str]) -> None:
    assert _report_error(make_user_error(kind, "say what to do")) == kind.exit_status
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "duecourse: say what to do\n")


def test_a_fault_of_duecourses_own_has_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert _report_error(RuntimeError("a fault of ours")) == 1
    assert "RuntimeError: a fault of ours" in capsys.readouterr().err
