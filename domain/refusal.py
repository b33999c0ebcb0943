"""Why something is refused: an English sentence that can be told in other languages too, for it knows what it says of what."""

from typing import Self

from pydantic import BaseModel, ConfigDict

from domain.control_characters import spell_out_controls


class RefusalFacts(BaseModel):
    """What a refusal says, without the words: `code` names the sentence, such as `promise.day_passed`; `facts` fill it in."""

    model_config = ConfigDict(frozen=True)

    code: str
    facts: dict[str, str | int] = {}


class Refusal(str):
    """The sentence itself, as the journal keeps it. Its words stay as they are once a journal may have them: an entry is told in other
    languages by its words."""

    told: RefusalFacts

    def __new__(cls, code: str, sentence: str, **facts: object) -> Self:
        """`sentence` names its facts in braces. Days are told as YYYY-MM-DD, members of enums by their value; what would break the line or
        could not be seen is spelt out."""
        plain = {name: value if isinstance(value, int) else spell_out_controls(str(value)) for name, value in facts.items()}
        return cls.restore(sentence.format(**plain), RefusalFacts(code=code, facts=plain))

    @classmethod
    def restore(cls, sentence: str, told: RefusalFacts) -> Self:
        """One that came from elsewhere as its words and its facts."""
        refusal = super().__new__(cls, sentence)
        refusal.told = told
        return refusal


def find_refusal_facts(sentence: object) -> RefusalFacts | None:
    """What a sentence says without the words; None where it is known by its words alone."""
    return sentence.told if isinstance(sentence, Refusal) else None
