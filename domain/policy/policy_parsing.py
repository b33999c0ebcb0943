"""Parse a policy from YAML that finance writes: every mistake is named with its file, its line, and its correction."""

from collections.abc import Collection

from domain.errors import OperatingError
from domain.policy.collection_policy import Policy
from domain.refusal import Refusal
from domain.yaml_document import YamlDocument


class PolicyError(OperatingError):
    """A policy that cannot be used. One line per mistake: `file:line: what is wrong; what to write instead`."""


def parse_policy(text: str, file: str, letters: Collection[str]) -> Policy:
    """Parse the policy in `text`. `letters` are the templates that exist in every language. Raises PolicyError."""
    document = YamlDocument(text, file, "policy: standard", PolicyError)
    policy = document.parse_model(Policy)
    missing = [
        f"{document.locate(('timeline', index, 'letter'))}: {_refuse_template(step.letter, letters)}"
        for index, step in enumerate(policy.timeline)
        if step.letter is not None and step.letter not in letters
    ]
    if missing:
        raise PolicyError("\n".join(missing))
    return policy


def _refuse_template(name: str, letters: Collection[str]) -> Refusal:
    return Refusal(
        "policy.unknown_template",
        "there is no letter template '{name}' in every language; write one of: {choices}",
        name=name,
        choices=", ".join(sorted(letters)),
    )
