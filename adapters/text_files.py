"""Reading the text files that people write."""

from pathlib import Path

from domain.errors import OperatingError

LARGEST_FILE = 4 * 2**20


def read_text_file(file: Path, error: type[OperatingError]) -> str:
    """The file's text. Raises `error`, naming the file and what to do, for a file that cannot be read or is not UTF-8."""
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise error(f"{file}:1: this file has more than {LARGEST_FILE // 2**20} MB, more than any that people write here; name another")
        return file.read_bytes().decode("utf-8-sig")
    except OSError as fault:
        raise error(f"{file}:1: this file cannot be read: {fault.strerror}; name another, or let Duecourse read it") from fault
    except UnicodeDecodeError as fault:
        line = fault.object.count(b"\n", 0, fault.start) + 1
        raise error(f"{file}:{line}: this is not UTF-8 text; save the file as UTF-8") from fault
