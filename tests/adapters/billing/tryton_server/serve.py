"""A Tryton server for the tests, and in the same process what the people of the house do in it.

Runs in the environment that has Tryton: `python serve.py DIRECTORY`, a directory that prepare.py made. It prints the address of the REST
interface, then carries out one act for each line of standard input, `{"act": name, ...}`, and answers each with a line, `{"answer": ...}`
or `{"error": ...}`. People use wizards, which the REST interface does not offer: paying, crediting with a refund, taking a reconciliation
back. It ends with its standard input.
"""

import json
import logging
import sys
import threading
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

Acts = dict[str, Callable[..., Any]]


class HousePeople:
    """What people of the house do. Amounts are decimal strings in the invoice's currency, dates ISO; ids are Tryton's own."""

    def __init__(self, world: dict[str, Any]) -> None:
        from proteus import Model

        self._world, self._model = world, Model.get

    def _get(self, model: str, record_id: int) -> Any:
        return self._model(model)(record_id)

    def add_party(self, name: str, email: str, country: str | None = None) -> int:
        party = self._model("party.party")(name=name)
        party.addresses[0].city = "Berlin"
        party.contact_mechanisms.new(type="email", value=email)
        party.save()
        return int(party.id)

    def issue_invoice(self, party: int, amount: str, due: str, currency: str = "EUR", term: str = "at_once", tax: bool = False) -> int:
        """As Tryton's own code does it: over its client's forms it would take four times as long."""
        from trytond.pool import Pool
        from trytond.transaction import Transaction, TransactionError

        accounts, get = self._world["accounts"], Pool(self._world["database"]).get
        context = {"company": self._world["company"], "_skip_warnings": True}
        asked: dict[str, Any] = {}
        while True:
            with Transaction().start(self._world["database"], 1, context=context, **asked) as transaction:
                money = get("currency.currency").search([("code", "=", currency)])[0].id
                line = {"type": "line", "account": accounts["revenue"], "currency": money, "quantity": 1, "description": "As ordered"}
                line |= {"unit_price": Decimal(amount)} | ({"taxes": [("add", [self._world["tax"]])]} if tax else {})
                values = {
                    "type": "out",
                    "company": self._world["company"],
                    "party": party,
                    "invoice_address": get("party.party")(party).addresses[0].id,
                    "currency": money,
                    "account": accounts["receivable"],
                    "journal": get("account.journal").search([("type", "=", "revenue")])[0].id,
                    "payment_term": self._world["terms"][term],
                    "payment_term_date": date.fromisoformat(due),
                    "lines": [("create", [line])],
                }
                try:
                    invoices = get("account.invoice").create([values])
                    get("account.invoice").post(invoices)
                except TransactionError as error:  # Tryton asks for locks, and for the whole to be begun anew
                    transaction.rollback()
                    error.fix(asked)
                    continue
                transaction.commit()
                return int(invoices[0].id)

    def pay(self, invoice: int, amount: str, ask: str | None = None) -> None:
        """By the wizard "Pay Invoice"; `ask`: what is done where the amount is not just what is due: partial, overpayment or
        writeoff."""
        from proteus import Wizard

        record = self._get("account.invoice", invoice)
        wizard = Wizard("account.invoice.pay", [record])
        wizard.form.payee = record.party
        wizard.form.amount = Decimal(amount)
        wizard.form.payment_method = self._model("account.invoice.payment.method").find([])[0]
        wizard.execute("choice")
        if wizard.form_state == "ask":
            wizard.form.type = ask
            if ask == "writeoff":
                wizard.form.writeoff = self._model("account.move.reconcile.write_off").find([])[0]
            wizard.execute("pay")

    def receive(self, party: int, amount: str, description: str = "") -> int:
        """Money that nobody has yet said what it pays; the id of its line on the receivable account."""
        move = self._model("account.move")(description=description)
        move.journal = self._get("account.journal", self._world["cash_journal"])
        receivable = move.lines.new(account=self._get("account.account", self._world["accounts"]["receivable"]))
        receivable.party = self._get("party.party", party)
        receivable.credit = Decimal(amount)
        move.lines.new(account=self._get("account.account", self._world["accounts"]["cash"]), debit=Decimal(amount))
        move.save()
        move.click("post")
        return next(int(line.id) for line in move.lines if line.party)

    def reconcile(self, lines: list[int], invoices: list[int]) -> None:
        """By the wizard "Reconcile Lines": these lines with all that the invoices are to be paid by."""
        from proteus import Wizard

        records = [self._get("account.move.line", line) for line in lines]
        for invoice in invoices:
            records += [line for line in self._get("account.invoice", invoice).lines_to_pay if not line.reconciliation]
        Wizard("account.move.reconcile_lines", records)

    def take_back(self, invoice: int) -> None:
        """Delete the reconciliations of the invoice."""
        record = self._get("account.invoice", invoice)
        for reconciliation in {line.reconciliation.id for line in record.lines_to_pay if line.reconciliation}:
            self._get("account.move.reconciliation", reconciliation).delete()

    def credit(self, invoice: int) -> None:
        """By the wizard "Credit", with a refund: the invoice is cancelled."""
        from proteus import Wizard

        wizard = Wizard("account.invoice.credit", [self._get("account.invoice", invoice)])
        wizard.form.with_refund = True
        wizard.execute("credit")

    def limit_credit(self, party: int, amount: str | None) -> None:
        record = self._get("party.party", party)
        record.credit_limit_amount = None if amount is None else Decimal(amount)
        record.save()

    def change_email(self, party: int, email: str) -> None:
        record = self._get("party.party", party)
        record.contact_mechanisms[0].value = email
        record.save()

    def list_credit_notes(self, party: int) -> list[dict[str, Any]]:
        found = self._model("account.invoice").find([("party", "=", party), ("total_amount", "<", 0)])
        return [{"total": str(note.total_amount), "state": note.state, "reference": note.reference} for note in found]

    def list_notes(self, party: int) -> list[str]:
        found = self._model("ir.note").find([("resource", "=", f"party.party,{party}")], order=[("id", "ASC")])
        return [str(note.message) for note in found]

    def read_credit_limit(self, party: int) -> str | None:
        limit = self._get("party.party", party).credit_limit_amount
        return None if limit is None else str(limit)

    def read_invoice(self, invoice: int) -> dict[str, Any]:
        record = self._get("account.invoice", invoice)
        return {"state": record.state, "to_pay": str(record.amount_to_pay), "number": record.number}


def serve(folder: Path) -> None:
    from proteus import Model, config

    world = json.loads((folder / "world.json").read_text())
    connection = config.set_trytond(f"sqlite:///{world['database']}", config_file=str(folder / "trytond.conf"))
    connection.skip_warning = True
    connection._context = Model.get("res.user").get_preferences(True, {})

    from trytond.wsgi import app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    answer({"answer": f"http://127.0.0.1:{server.server_port}/{world['database']}"})
    people = HousePeople(world)
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer({"answer": getattr(people, order.pop("act"))(**order)})
        except Exception as error:
            answer({"error": f"{type(error).__name__}: {error}"})
    server.shutdown()


def answer(said: dict[str, Any]) -> None:
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    serve(Path(sys.argv[1]).resolve())
