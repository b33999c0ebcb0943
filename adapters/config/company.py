"""The company that is owed: what its letters say of it."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from adapters.config.settings import PROJECT, Settings, SettingsError
from adapters.letters.letter_templates import Collector, Creditor

EXAMPLE = PROJECT / "company.example.yaml"
FICTITIOUS = "(fictitious)"


class CompanyError(SettingsError):
    """A company file that cannot be used; says which key and what to write."""


class Company(Creditor):
    """The creditor, and who signs where an account has no collector."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    collector: Collector

    @property
    def fictitious(self) -> bool:
        return self.name.endswith(FICTITIOUS)


class _Read(BaseModel):
    company: Company


def load_company(settings: Settings) -> Company:
    """From the file that is set, else `company.yaml` in the data folder, else the example.

    Raises CompanyError; also when real letters would carry the example's bank account.
    """
    own = settings.data_dir / "company.yaml"
    file = settings.company_file or (own if own.exists() else EXAMPLE)
    company = read_company(file)
    if company.fictitious and settings.mails_strangers:
        raise CompanyError(f"letters would carry the bank account of an invented company: copy {EXAMPLE} to {own} and write your own")
    return company


def read_company(file: Path) -> Company:
    """Raises CompanyError."""
    try:
        return _Read.model_validate({"company": yaml.safe_load(file.read_text(encoding="utf-8"))}).company
    except OSError as error:
        raise CompanyError(f"{file} cannot be read ({error.strerror}); name the file in DUECOURSE_COMPANY_FILE") from error
    except yaml.YAMLError as error:
        raise CompanyError(f"{file} is not YAML: {error}; write it like {EXAMPLE}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(str(part) for part in fault['loc'][1:])}: {fault['msg'].lower()}" for fault in error.errors())
        raise CompanyError(f"{file}: {faults}; write it like {EXAMPLE}") from error
