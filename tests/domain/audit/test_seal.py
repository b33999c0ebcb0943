"""A seal stands for where every chain stood: any leaf is proved by it, and no other."""

import hashlib
import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit.seal import InclusionProof, Seal, SealLeaf, build_proof, build_seal, merkle_root
from domain.journal.entry import GENESIS

DAY = date(2013, 3, 1)
HEADS = st.integers(min_value=0, max_value=2**256 - 1).map(lambda number: f"{number:064x}")
CASES = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
LEAVES = st.dictionaries(CASES, st.tuples(st.integers(0, 99), HEADS, st.integers(0, 3)), max_size=20).map(
    lambda found: [SealLeaf(case_id, *rest) for case_id, rest in found.items()]
)


def leaf(case_id: str, seq: int = 3) -> SealLeaf:
    return SealLeaf(case_id, seq, hashlib.sha256(case_id.encode()).hexdigest())


@given(LEAVES.filter(bool), st.data())
def test_every_leaf_is_proved_by_the_root(leaves: list[SealLeaf], data: st.DataObject) -> None:
    seal, expected = build_seal(DAY, leaves), data.draw(st.sampled_from(leaves))
    proof = InclusionProof.model_validate_json(build_proof(leaves, expected.case_id).model_dump_json())
    assert (proof.leaf, proof.compute_root()) == (expected, seal.root)


@given(LEAVES.filter(bool), st.data(), HEADS)
def test_a_proof_fits_no_other_head_number_or_case(leaves: list[SealLeaf], data: st.DataObject, head: str) -> None:
    proof = build_proof(leaves, data.draw(st.sampled_from(leaves)).case_id)
    leaf_now = proof.leaf
    others: list[dict[str, Any]] = [
        {"head": head},
        {"seq": leaf_now.seq + 1},
        {"beside": leaf_now.beside + 1},
        {"case_id": f"{leaf_now.case_id}x"},
    ]
    for other in others:
        forged = proof.model_copy(update={"leaf": proof.leaf._replace(**other)})
        assert forged.leaf == proof.leaf or forged.compute_root() != proof.compute_root()


@given(LEAVES, st.randoms())
def test_the_order_in_which_cases_are_read_does_not_matter(leaves: list[SealLeaf], chance: st.DrawFn) -> None:
    mixed = list(leaves)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert build_seal(DAY, mixed) == build_seal(DAY, leaves)


@given(LEAVES.filter(bool), st.data())
def test_a_case_more_or_less_makes_another_root(leaves: list[SealLeaf], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(leaves))
    fewer = [left for left in leaves if left != gone]
    assert build_seal(DAY, fewer).root != build_seal(DAY, leaves).root


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40))
def test_the_tree_is_that_of_rfc_6962(hashes: list[bytes]) -> None:
    def split(part: list[bytes]) -> bytes:
        if len(part) == 1:
            return part[0]
        largest = 1 << (len(part) - 1).bit_length() - 1
        return hashlib.sha256(b"\x01" + split(part[:largest]) + split(part[largest:])).digest()

    assert merkle_root(hashes) == split(hashes)


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert merkle_root([]) == hashlib.sha256(b"").digest()
    assert build_seal(DAY, []) == Seal(day=DAY, root=hashlib.sha256(b"").hexdigest(), cases=0, entries=0, previous=GENESIS)


def test_a_leaf_and_a_seal_can_be_hashed_with_a_json_library_and_sha256_alone() -> None:
    one = SealLeaf("dispute:Zoë:1", 3, "ab" * 32, 1)
    text = json.dumps(["dispute:Zoë:1", 3, "ab" * 32, 1], separators=(",", ":"), ensure_ascii=False)
    assert one.compute_hash() == hashlib.sha256(b"\x00" + text.encode()).digest()
    seal = build_seal(DAY, [one], previous="cd" * 32)
    content = {"day": "2013-03-01", "root": one.compute_hash().hex(), "cases": 1, "entries": 3, "previous": "cd" * 32}
    assert seal.digest() == hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def test_a_node_does_not_pass_for_a_leaf() -> None:
    left, right = leaf("a"), leaf("b")
    forged = hashlib.sha256(left.compute_hash() + right.compute_hash()).digest()
    assert merkle_root([left.compute_hash(), right.compute_hash()]) not in (
        forged,
        hashlib.sha256(b"\x00" + left.compute_hash() + right.compute_hash()).digest(),
    )


def test_every_seal_proves_those_before_it() -> None:
    first = build_seal(DAY, [leaf("a")])
    forged = build_seal(DAY, [leaf("b")])
    assert build_seal(DAY, [leaf("a")], first.digest()).digest() != build_seal(DAY, [leaf("a")], forged.digest()).digest()


def test_a_case_stands_once_among_the_leaves() -> None:
    with pytest.raises(ValueError, match="stands twice"):
        build_seal(DAY, [leaf("a", 1), leaf("a", 2)])


def test_what_was_not_sealed_has_no_proof() -> None:
    with pytest.raises(KeyError):
        build_proof([leaf("a")], "b")
