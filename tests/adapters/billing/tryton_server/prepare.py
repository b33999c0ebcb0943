"""Makes the database of a Tryton server for the tests: a company with its chart of accounts, and the user whose key Duecourse has.

Runs in the environment that has Tryton (requirements.txt beside this file), never in Duecourse's own: `python prepare.py DIRECTORY`. Beside
the database it writes trytond.conf and world.json, which names what a test needs.
"""

import json
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

DATABASE = "erp"
MODULES = ("account_invoice", "account_credit_limit", "account_dunning")
FIRST_YEAR, LAST_YEAR = date.today().year - 1, date.today().year + 1
GROUPS = ("account.group_account", "account_credit_limit.group_credit_limit", "party.group_party_admin")
"""What Duecourse's user must be a member of."""


def create_database(folder: Path) -> Path:
    (folder / f"{DATABASE}.sqlite").touch()
    configuration = folder / "trytond.conf"
    configuration.write_text(f"[database]\nuri = sqlite://\npath = {folder}\n")
    password = folder / "password"
    password.write_text("of-the-tests-only")
    admin = Path(sys.executable).with_name("trytond-admin")
    command = [
        str(admin),
        "-c",
        str(configuration),
        "-d",
        DATABASE,
        "-u",
        *MODULES,
        "--activate-dependencies",
        "--email",
        "admin@example.com",
    ]
    subprocess.run(command, check=True, env={"TRYTONPASSFILE": str(password), "PATH": "/usr/bin:/bin"}, stdout=subprocess.DEVNULL)
    return configuration


def fill_database(configuration: Path) -> dict[str, Any]:
    from proteus import Model, config
    from trytond.modules.account.tests.tools import create_chart, create_fiscalyear, create_tax, get_accounts
    from trytond.modules.account_invoice.tests.tools import set_fiscalyear_invoice_sequences
    from trytond.modules.company.tests.tools import create_company, get_company
    from trytond.modules.currency.tests.tools import get_currency

    connection = config.set_trytond(f"sqlite:///{DATABASE}", config_file=str(configuration))
    get_currency("USD")
    create_company(currency=get_currency("EUR"))
    company = get_company()
    create_chart(company)
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        fiscal_year = create_fiscalyear(company, (date(year, 1, 1), date(year, 12, 31)))
        set_fiscalyear_invoice_sequences(fiscal_year).click("create_period")
    accounts = get_accounts(company)
    journals = {kind: Model.get("account.journal").find([("type", "=", kind)], limit=1)[0] for kind in ("cash", "write-off")}

    method = Model.get("account.invoice.payment.method")(name="Bank", journal=journals["cash"])
    method.credit_account = method.debit_account = accounts["cash"]
    method.save()
    write_off = Model.get("account.move.reconcile.write_off")(name="Bad debt", journal=journals["write-off"])
    write_off.credit_account = write_off.debit_account = accounts["expense"]
    write_off.save()
    tax = create_tax(Decimal("0.2"), company)
    tax.save()
    Term = Model.get("account.invoice.payment_term")
    at_once = Term(name="At once")
    at_once.lines.new(type="remainder")
    at_once.save()
    halves = Term(name="Half at once, half after a month")
    halves.lines.new(type="percent", ratio=Decimal("0.5"))
    halves.lines.new(type="remainder").relativedeltas.new(days=30)
    halves.save()
    return {
        "database": DATABASE,
        "company": company.id,
        "accounts": {name: account.id for name, account in accounts.items()},
        "cash_journal": journals["cash"].id,
        "tax": tax.id,
        "terms": {"at_once": at_once.id, "halves": halves.id},
        "keys": {login: create_key(connection, login, groups) for login, groups in (("duecourse", GROUPS), ("people", None))},
    }


def create_key(connection: Any, login: str, groups: tuple[str, ...] | None) -> str:
    """A user's key for the REST interface; without `groups` it is the administrator's."""
    from proteus import Model

    User, Data = Model.get("res.user"), Model.get("ir.model.data")
    user, company = User(1), Model.get("company.company").find()[0]
    if groups is not None:
        user = User(name=login, login=login)
        user.companies.append(company)
        user.save()
        user.company = company
        for name in groups:
            user.groups.append(Model.get("res.group")(Data.get_id(name, connection.context)))
        user.save()
    application = Model.get("res.user.application")(user=user, application="rest")
    application.save()
    key: str = application.key
    return key


if __name__ == "__main__":
    target = Path(sys.argv[1]).resolve()
    world = fill_database(create_database(target))
    (target / "world.json").write_text(json.dumps(world, indent=1))
