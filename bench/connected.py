"""The reading of a connected billing system over HTTP, in a process of its own: `python -m bench.connected` prints figures as JSON.

The system is the sample service with 10,000 open invoices of 500 customers, served by another process; all are read, then 1 % are paid in
part there, and what was changed is read.
"""

import json
import resource
import socket
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta

import httpx
import uvicorn

from adapters.billing.external_key import SystemKey
from adapters.connections.account_mirror import AccountDefaults
from adapters.connections.comparison import compare_open_items
from adapters.connections.connection_sync import ConnectionSync
from adapters.database.engine import Database
from adapters.plain_http.api_access import open_api
from adapters.plain_http.api_description import load_description
from adapters.plain_http.plain_connector import PlainHttpConnector
from adapters.shipped_files import PROJECT
from examples.billing_service.house import House
from examples.billing_service.service import create_app

INVOICES, CUSTOMERS = 10_000, 500
CHANGED = INVOICES // 100
TOKEN = "bench"
HISTORY = timedelta(days=90)
FIRST_PAGES = 10
"""After which the memory is taken that the rest of the reading is compared with."""


class CountingTransport(httpx.HTTPTransport):
    """`calls`: how many requests went out."""

    calls = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        return super().handle_request(request)


def serve_house(port: int) -> None:
    """A house whose invoices were changed one after the other in the last quarter of a year."""
    house, began = House(), datetime.now(UTC) - HISTORY - timedelta(hours=1)
    customers = [house.add_customer(f"Customer {number}", f"books@c{number}.example").id for number in range(CUSTOMERS)]
    for number in range(INVOICES):
        issued = (began + HISTORY * number / INVOICES).date()
        invoice = house.issue_invoice(customers[number % CUSTOMERS], 10_000 + number, issued, issued + timedelta(30))
        invoice.updated_at = began + HISTORY * number / INVOICES
    uvicorn.run(create_app(house, TOKEN), host="127.0.0.1", port=port, log_level="error")


def measure_reading() -> dict[str, float]:
    port = _find_port()
    with subprocess.Popen([sys.executable, "-m", "bench.connected", str(port)], cwd=PROJECT) as server:
        try:
            with tempfile.TemporaryDirectory() as folder:
                return _measure(f"http://127.0.0.1:{port}", folder)
        finally:
            server.terminate()


def _measure(address: str, folder: str) -> dict[str, float]:
    people = httpx.Client(base_url=address, headers={"Authorization": f"Bearer {TOKEN}"})
    _wait_for(people)
    transport = CountingTransport()
    description = load_description(PROJECT / "examples" / "billing_service" / "duecourse.yaml")
    api = open_api(description, address, {"api_key": TOKEN}, transport)
    connector = PlainHttpConnector(SystemKey("house", "1"), description, api, "Europe/Berlin")
    database = Database(f"sqlite:///{folder}/duecourse.db")
    database.migrate()
    sync = ConnectionSync(database, connector, AccountDefaults("DE", "Europe/Berlin", "de"))
    begin = time.perf_counter()
    read = sync.sync(FIRST_PAGES).changed
    early = _find_peak_mb()
    read += sync.sync().changed
    first_s, first_calls, growth = time.perf_counter() - begin, transport.calls, _find_peak_mb() - early
    for number in range(CHANGED):
        invoice = people.get("/api/invoices", params={"offset": number * 100, "limit": 1}).json()["data"][0]["id"]
        people.post(f"/api/invoices/{invoice}/payments", json={"amount": "1.00"}).raise_for_status()
    begin, transport.calls = time.perf_counter(), 0
    changed = sync.sync().changed
    second_s, second_calls = time.perf_counter() - begin, transport.calls
    differences = compare_open_items(database, connector).differences
    database.close()
    if (read, changed, len(differences)) != (INVOICES, CHANGED, 0):
        raise RuntimeError(f"{read} were read at first, {changed} later, and {len(differences)} differ")
    return {
        "connected_first_s": first_s,
        "connected_first_calls": first_calls,
        "connected_second_s": second_s,
        "connected_second_calls": second_calls,
        "connected_calls_saved": first_calls / second_calls,
        "connected_time_saved": first_s / second_s,
        "connected_growth_mb": growth,
    }


def _wait_for(people: httpx.Client) -> None:
    for _ in range(300):
        try:
            people.get("/api/receipts").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the sample service does not start")


def _find_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _find_peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve_house(int(sys.argv[1]))
    else:
        print(json.dumps(measure_reading()))  # noqa: T201
