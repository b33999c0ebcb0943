"""The office of the letters' tests serves here, too."""

from tests.adapters.correspondence.conftest import office

__all__ = ["office"]
