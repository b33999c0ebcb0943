"""The company that is owed: what its letters say of it."""

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import yaml
from pydantic import AfterValidator, BaseModel, ValidationError

from adapters.config.settings import PROJECT, Settings, SettingsError
from adapters.letters.letter_templates import Collector, Creditor
from adapters.text_files import read_text_file
from adapters.time_zones import is_time_zone
from domain.yaml_document import LONGEST_TEXT

EXAMPLE_FILE = PROJECT / "adapters" / "config" / "company.example.yaml"
FICTITIOUS_SUFFIX = "(fictitious)"


class CompanyError(SettingsError):
    """A company file that cannot be used; says which key and what to write."""


def _require_time_zone(name: str) -> str:
    if not is_time_zone(name):
        raise ValueError(f"{name!r} is no time zone; write for example Europe/Berlin")
    return name


class Company(Creditor):
    """The creditor, and who signs where an account has no collector. `time_zone`: the IANA name by which its people's day begins."""

    collector: Collector
    time_zone: Annotated[str, AfterValidator(_require_time_zone)] = "UTC"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def is_fictitious(self) -> bool:
        return self.name.endswith(FICTITIOUS_SUFFIX)


class _CompanyFile(BaseModel):
    company: Company


def load_company(settings: Settings) -> Company:
    """From the file that is set, else `company.yaml` in the data folder, else the example.

    Raises CompanyError; also when real letters would carry the example's bank account.
    """
    own = settings.data_dir / "company.yaml"
    file = settings.company_file or (own if own.exists() else EXAMPLE_FILE)
    company = load_company_file(file)
    if company.is_fictitious and settings.sends_external_mail:
        raise CompanyError(f"letters would carry the bank account of an invented company: copy {EXAMPLE_FILE} to {own} and write your own")
    return company


def load_company_file(file: Path) -> Company:
    """Raises CompanyError."""
    text = read_text_file(file, CompanyError)
    if len(text) > LONGEST_TEXT:
        raise CompanyError(f"{file}: has {len(text):,} characters; at most {LONGEST_TEXT:,} are read")
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise CompanyError(f"{file}: a value is named by '*', which is not read here; write it out, like {EXAMPLE_FILE}")
        return _CompanyFile.model_validate({"company": yaml.safe_load(text)}).company
    except yaml.YAMLError as error:
        raise CompanyError(f"{file} is not YAML: {error}; write it like {EXAMPLE_FILE}") from error
    except RecursionError as error:
        raise CompanyError(f"{file} has lists in lists to a depth that nothing needs; write it like {EXAMPLE_FILE}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(str(part) for part in fault['loc'][1:])}: {_describe(fault['msg'])}" for fault in error.errors())
        raise CompanyError(f"{file}: {faults}; write it like {EXAMPLE_FILE}") from error


def _describe(message: str) -> str:
    """In the middle of a sentence."""
    told = message.removeprefix("Value error, ")
    return told[:1].lower() + told[1:]
