"""An OpenID provider as a company has one, which runs as a process of its own."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from domain.roles import Role
from tests.patience import PATIENCE

CLIENT_ID = "duecourse"
ROLES = {"collections": Role.COLLECTOR, "leads": Role.COLLECTIONS_MANAGER}


@dataclass
class Provider:
    """`issuer` is its address."""

    issuer: str
    http: httpx.Client

    def know(self, subject: str, **claims: Any) -> None:
        self.http.put(f"{self.issuer}/users/{subject}", json=claims).raise_for_status()

    def let_in(self, url: str, subject: str) -> str:
        """What a person does there: say who they are. Return the address at which the browser comes back."""
        answer = self.http.post(url, data={"sub": subject})
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    command = [sys.executable, "-m", "oidc_provider_mock", "--host", "127.0.0.1", "--port", "0", "--require-nonce", "true"]
    with (
        subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process,
        httpx.Client(timeout=PATIENCE) as http,
    ):
        assert process.stderr is not None
        try:
            address = next(found[0] for line in process.stderr if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield Provider(address, http)
        finally:
            process.terminate()
