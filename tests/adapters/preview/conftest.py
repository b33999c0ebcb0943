"""The setup of the correspondence tests, used here too."""

from tests.adapters.correspondence.conftest import correspondence

__all__ = ["correspondence"]
