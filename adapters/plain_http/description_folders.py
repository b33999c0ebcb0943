"""Where the description of an API may lie: who may add a connection must not thereby read any file of the server."""

from pathlib import Path

from adapters.plain_http.api_description import ApiDescription, ApiDescriptionError, load_description
from adapters.shipped_files import PROJECT

EXAMPLES = PROJECT / "examples"
LARGEST_DESCRIPTION = 256 * 1024
"""Bytes."""
_ENDINGS = (".yaml", ".yml")


def load_description_within(file: Path, data_dir: Path | None) -> ApiDescription:
    """Of the data folder and the examples alone, wherever links lead. Raises ApiDescriptionError, also for any other file, whether or not
    there is one."""
    whole = _resolve(file)
    folders = [_resolve(folder) for folder in (data_dir, EXAMPLES) if folder is not None]
    if whole.suffix not in _ENDINGS or not any(whole.is_relative_to(folder) for folder in folders):
        where = f"below {folders[0]}, Duecourse's data folder" if data_dir is not None else "below Duecourse's data folder"
        raise ApiDescriptionError(f"{file}: a description is read from no such place; put it {where}, as a .yaml file, and name it there")
    if not whole.is_file():
        raise ApiDescriptionError(f"{file}: there is no such file; write its whole path")
    if whole.stat().st_size > LARGEST_DESCRIPTION:
        raise ApiDescriptionError(f"{file}: it has more than {LARGEST_DESCRIPTION // 1024} KB, more than any description; name another")
    return load_description(whole)


def _resolve(path: Path) -> Path:
    """Raises ApiDescriptionError."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise ApiDescriptionError(f"{path}: this path leads nowhere; write another") from error
