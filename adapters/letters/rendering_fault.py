"""A letter that cannot be rendered."""

from adapters.set_aside.stages import SetAsideReason


class LetterRenderingError(Exception):
    """A template, a word or a detail of the letter is wrong: once it is mended, the letter can be written."""

    set_aside_reason = SetAsideReason.UNWRITABLE
