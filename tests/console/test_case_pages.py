"""The page of a case of each kind: what it says, what it offers to whom, and the files that disputes take."""

import hashlib
import re
from urllib.parse import quote

import pytest

from adapters.database.tables import DossierRow
from adapters.document_store import DocumentStore
from domain.dispute.command_rules import apply_command
from domain.dispute.commands import AttachEvidence, ResolveDispute
from domain.dispute.dispute_case import DisputeCase
from domain.dispute.view import build_case_view as dispute_view
from domain.policy.dispute_rules import DisputeResolution
from domain.roles import Role
from domain.write_off.commands import ProposeWriteOff, WriteOffDecision
from tests.api.account_cases import (
    NOW,
    PLAN,
    REVIEW,
    SUSPENSION,
    WRITE_OFF,
    create_account,
    create_credit_review,
    create_proposed_plan,
    create_suspension,
    create_write_off,
    write_case,
)
from tests.api.conftest import As
from tests.api.portfolio_world import TODAY, PortfolioWorld
from tests.api.stored_approvals import store_approval
from tests.api.test_invoice_disputes import raise_dispute
from tests.console.test_act_forms import fields_of
from tests.console.test_pages import ESCAPED, NASTY, page, words

DISPUTE = "dispute:I-1:1"
LETTER = b"%PDF-1.7 Lieferschein"


def path_of(case_id: str) -> str:
    return f"/cases/{quote(case_id, safe='')}"


@pytest.fixture
def dispute(world: PortfolioWorld) -> DisputeCase:
    create_account(world, "I-1")
    return raise_dispute(world)


@pytest.fixture
def cases(world: PortfolioWorld, dispute: DisputeCase) -> PortfolioWorld:
    """A case of each kind of the account A-1, which began today."""
    create_proposed_plan(world)
    create_suspension(world)
    create_credit_review(world)
    create_write_off(world)
    return world


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_each_kind_says_what_it_is_about_and_offers_each_role_what_it_may_do(as_role: As, cases: PortfolioWorld) -> None:
    for case_id, role, said, offered in (
        (
            DISPUTE,
            Role.SALES_OPS,
            ("Waits for", "sales operations team. Then: escalation", "Contested €100.00", "the price is wrong", "N-I-1"),
            {"resolve_dispute", "assign_dispute"},
        ),
        (PLAN, Role.COLLECTOR, ("Debt €250.00", "11 Mar 2013 €125.00"), {"cancel_plan"}),
        (SUSPENSION, Role.COLLECTOR, ("Owed €250.00", "Asked for by maria"), {"extend_notice", "withdraw_suspension"}),
        (REVIEW, Role.CREDIT_ANALYST, ("credit analyst",), {"give_verdict", "close_credit_review", "make_dossier"}),
        (WRITE_OFF, Role.WRITE_OFF_ANALYST, ("write-off team", "Owed €250.00"), {"decide_write_off", "make_dossier"}),
    ):
        async with as_role(role, Accept="text/html") as client:
            html = await page(client, path_of(case_id))
            link = f'href="{path_of(case_id)}"'
            assert link in await page(client, "/accounts/A-1"), case_id
        async with as_role(Role.AUDITOR, Accept="text/html") as auditor:
            assert 'href="/act/' not in await page(auditor, path_of(case_id)), "an auditor reads, and changes nothing"
        shown = words(html)
        assert [each for each in said if each not in shown] == [], shown
        assert set(re.findall(r'href="/act/(\w+)\?', html)) == offered, case_id
        assert 'href="/accounts/A-1"' in html
        assert 'href="/invoices/I-1"' in html, case_id


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_what_waits_for_a_role_leads_from_today_to_its_page(as_role: As, cases: PortfolioWorld) -> None:
    for case_id, role, acts in (
        (DISPUTE, Role.SALES_OPS, {"resolve_dispute", "assign_dispute", "attach_evidence"}),
        (REVIEW, Role.CREDIT_ANALYST, {"give_verdict", "close_credit_review"}),
        (WRITE_OFF, Role.WRITE_OFF_ANALYST, {"decide_write_off"}),
    ):
        async with as_role(role, Accept="text/html") as client:
            html = await page(client, "/today")
        assert f'href="{path_of(case_id)}"' in html, case_id
        assert set(re.findall(r'href="/act/(\w+)\?', html)) >= acts, case_id


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_file_is_attached_at_the_page_shown_by_its_name_and_taken_along(
    as_role: As, world: PortfolioWorld, dispute: DisputeCase
) -> None:
    async with as_role(Role.SALES_OPS, Accept="text/html") as client:
        html = await page(client, path_of(DISPUTE))
        assert 'enctype="multipart/form-data"' in html
        form = fields_of(html)
        for files, changed, status in (
            ([("files", ("", b"", "application/octet-stream"))], {}, 422),
            ([("files", ("nothing.pdf", b"", "application/pdf"))], {}, 422),
            ([("files", ("a.pdf", LETTER, "application/pdf"))], {"form_token": "other"}, 403),
            ([("files", ("a.pdf", LETTER, "application/pdf"))], {}, 303),
            ([("files", ("a.pdf", LETTER, "application/pdf"))], {}, 303),
        ):
            answer = await client.post("/act/attach_evidence", data=form | changed, files=files)
            assert answer.status_code == status, answer.text
            assert bool(world.cases.acts) == (status == 303)
        assert answer.headers["location"] == f"{path_of(DISPUTE)}?acted=attach_evidence"
        digest = hashlib.sha256(LETTER).hexdigest()
        assert [act.evidence for act in world.cases.acts if isinstance(act, AttachEvidence)] == [[digest]], "sent twice it is done once"
    DocumentStore(world.database).add(NASTY, "text/html", b"x" * 2_500, "ben", NOW.business)
    apply_command(dispute, AttachEvidence(act_id="e", actor="ben", evidence=[digest, hashlib.sha256(b"x" * 2_500).hexdigest()]), NOW)
    write_case(world, dispute, dispute_view)
    async with as_role(Role.AUDITOR, Accept="text/html") as auditor:
        html = await page(auditor, path_of(DISPUTE))
        assert "a.pdf 21 byte" in words(html)
        assert "2.5 kB" in words(html)
        assert NASTY not in html
        assert ESCAPED in html
        assert 'action="/act/attach_evidence"' not in html
        assert (await auditor.get(f"/v1/documents/{digest}")).content == LETTER
        assert (await auditor.get("/act/attach_evidence", params={"dispute_id": DISPUTE})).status_code == 403


PICTURES = {
    "image/png": b"\x89PNG\r\n\x1a\n and so on",
    "image/jpeg": b"\xff\xd8\xff\xe0 and so on",
    "image/gif": b"GIF89a and so on",
    "image/webp": b"RIFF\x10\0\0\0WEBPVP8 ",
}
SHOWN = PICTURES | {"application/pdf": b"%PDF-1.7 and so on"}
KEPT = [
    b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    b"<html><script>alert(1)</script></html>",
    b"RIFF\x10\0\0\0WAVEfmt ",
    b" %PDF-1.7",
    b"x",
]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_pictures_and_pdfs_are_shown_by_their_own_bytes_and_all_else_is_only_kept(
    as_role: As, world: PortfolioWorld, dispute: DisputeCase
) -> None:
    store = DocumentStore(world.database)
    shown = {kind: store.add("picture.html", "text/html", content, "ben", NOW.business) for kind, content in SHOWN.items()}
    kept = [store.add("picture.png", "image/png", content, "ben", NOW.business) for content in KEPT]
    apply_command(dispute, AttachEvidence(act_id="e", actor="ben", evidence=[*shown.values(), *kept]), NOW)
    write_case(world, dispute, dispute_view)
    async with as_role(Role.AUDITOR, Accept="text/html") as auditor:
        approval = store_approval(world, {"EUR": 10_000}, subject=DISPUTE).journal.case_id
        for place in (path_of(DISPUTE), "/invoices/I-1", f"/approvals/{quote(approval, safe='')}"):
            html = await page(auditor, place)
            pictures = dict(re.findall(r'<img src="/v1/documents/(\w+)" loading="lazy" alt="([^"]+)"', html))
            assert pictures.keys() == {shown[kind] for kind in PICTURES}, place
            assert all(alt.startswith("Picture picture.html, attached by ben on ") for alt in pictures.values())
            assert f'href="/v1/documents/{shown["application/pdf"]}" target="_blank" rel="noopener" type="application/pdf"' in html
            assert all(f'<a href="/v1/documents/{digest}" download="picture.png">' in html for digest in kept), place
        for kind, digest in (*shown.items(), *(("application/octet-stream", digest) for digest in kept)):
            answer = await auditor.get(f"/v1/documents/{digest}")
            place, name = ("inline", "picture.html") if digest in shown.values() else ("attachment", "picture.png")
            assert answer.headers["content-type"] == kind
            assert answer.headers["content-disposition"] == f"{place}; filename*=UTF-8''{name}"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_an_empty_file_is_named_and_the_others_are_attached_and_too_much_is_a_page_that_says_so(
    as_role: As, world: PortfolioWorld, dispute: DisputeCase
) -> None:
    async with as_role(Role.SALES_OPS, Accept="text/html", **{"Accept-Language": "en"}) as client:
        form = fields_of(await page(client, path_of(DISPUTE)))
        empty, good = ("files", ("nothing.txt", b"", "text/plain")), ("files", ("a.pdf", LETTER, "application/pdf"))
        large = ("files", ("large.bin", b"x" * (5 * 2**20), "text/plain"))
        refused = await client.post("/act/attach_evidence", data=form, files=[empty])
        assert (refused.status_code, world.cases.acts) == (422, [])
        assert "nothing.txt is empty" in words(refused.text)
        answer = await client.post("/act/attach_evidence", data=form, files=[empty, good, large])
        assert answer.status_code == 200
        assert "The files are attached. Not attached, and why nothing.txt is empty" in words(answer.text)
        assert [len(act.evidence) for act in world.cases.acts if isinstance(act, AttachEvidence)] == [2]
        too_large = await client.post("/act/attach_evidence", data=form, files=[("files", ("x", b"x" * (26 * 2**20), "text/plain"))])
        assert too_large.status_code == 413
        assert "at most 25 MB" in words(too_large.text).lower().replace("mb", "MB")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_an_approval_and_its_case_lead_to_each_other_and_a_case_that_is_over_offers_nothing(
    as_role: As, world: PortfolioWorld, dispute: DisputeCase
) -> None:
    create_suspension(world)
    approval = store_approval(world, {"EUR": 25_000}).journal.case_id
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        assert f'href="{path_of(SUSPENSION)}"' in await page(manager, f"/approvals/{quote(approval, safe='')}")
        answer = await manager.get(path_of(approval))
        assert (answer.status_code, answer.headers["location"]) == (303, f"/approvals/{quote(approval, safe='')}")
        for missing in ("/cases/none", "/cases/dispute:none:1", "/cases/seal"):
            assert (await manager.get(missing)).status_code == 404
    rejected = ResolveDispute(act_id="r", actor="ben", role=Role.SALES_OPS, resolution=DisputeResolution.REJECTED)
    apply_command(dispute, rejected, NOW)
    write_case(world, dispute, dispute_view)
    async with as_role(Role.SALES_OPS, Accept="text/html") as client:
        html = await page(client, path_of(DISPUTE))
    assert "It is over: rejected" in words(html)
    assert "/act/" not in html


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_the_write_off_team_reads_the_dossiers_and_writes_off_a_part(as_role: As, cases: PortfolioWorld) -> None:
    files = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("pdf", "json")}
    dossier = DossierRow(
        key="d",
        account_id="A-1",
        purpose="write_off",
        as_of=TODAY,
        made_at=NOW.business,
        json_sha256=files["json"],
        pdf_sha256=files["pdf"],
        pages=2,
        asked_by="ben",
    )
    cases.add(dossier)
    async with as_role(Role.WRITE_OFF_ANALYST, Accept="text/html") as client:
        html = await page(client, path_of(WRITE_OFF))
        assert "Dossier for the write-off team, as of 1 Mar 2013: PDF , JSON" in words(html)
        assert f'href="/v1/documents/{files["pdf"]}"' in html
        form = fields_of(await page(client, "/act/decide_write_off?account_id=A-1&back=/today"))
        part = {"decision": "part", "amounts.0.invoice": "I-1", "amounts.0.amount": "40.00"}
        assert (await client.post("/act/decide_write_off", data=form | part)).status_code == 303
    [decided] = [act for act in cases.cases.acts if isinstance(act, ProposeWriteOff)]
    assert (decided.decision, decided.amounts) == (WriteOffDecision.PART, {"I-1": 4_000})
