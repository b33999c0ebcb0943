"""Settings are refused with the variable's name and what to write instead."""

from pathlib import Path
from typing import Any

import pytest

from adapters.config.company import CompanyError, load_company, load_company_file
from adapters.config.settings import Settings, SettingsError
from adapters.mail.smtp_client import SmtpSecurity


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATA_DIR", "DATABASE_URL", "TEMPORAL_ADDRESS", "SMTP_HOST", "SMTP_PORT", "SENDER", "COMPANY_FILE", "API_PORT"):
        monkeypatch.delenv(f"DUECOURSE_{name}", raising=False)


def test_without_settings_everything_is_embedded_in_the_data_folder(tmp_path: Path) -> None:
    settings = Settings.load(data_dir=tmp_path)

    assert settings.temporal_address is None
    assert settings.build_smtp_settings() is None
    assert settings.resolved_database_url == f"sqlite:///{tmp_path / 'duecourse.db'}"


@pytest.mark.parametrize(
    ("variable", "value", "advice"),
    [
        ("SMTP_PORT", "many", "a port number such as 587"),
        ("SMTP_SECURITY", "ssl", "starttls, tls or none"),
        ("DATABASE_URL", "mysql://localhost/x", "postgresql+psycopg://"),
        ("TEMPORAL_ADDRESS", "http://temporal", "HOST:PORT"),
        ("API_PORT", "70000", "a port number such as 8080"),
        ("SENDER", "nobody", "receivables@your-company.com"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_its_variable_and_advice(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, advice: str
) -> None:
    monkeypatch.setenv(f"DUECOURSE_{variable}", value)

    with pytest.raises(SettingsError) as refusal:
        Settings.load()

    assert f"DUECOURSE_{variable}" in str(refusal.value)
    assert advice in str(refusal.value)


def test_every_setting_that_can_be_wrong_says_what_to_write() -> None:
    for name, field in Settings.model_fields.items():
        free_text = field.annotation in (str,) and not field.metadata
        assert field.description or free_text or "password" in name, f"{name} has no advice"


def test_a_refusal_never_repeats_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUECOURSE_DATABASE_URL", "mysql://duecourse:hunter2@db/duecourse")

    with pytest.raises(SettingsError) as refusal:
        Settings.load()

    assert "hunter2" not in str(refusal.value)


def test_what_is_given_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUECOURSE_API_PORT", "9000")

    assert Settings.load(api_port=9001).api_port == 9001
    assert Settings.load(api_port=None).api_port == 9000


def test_none_stands_for_an_unencrypted_connection() -> None:
    assert Settings.load(smtp_security="none").smtp_security is SmtpSecurity.PLAIN


def test_a_real_mail_server_needs_a_sender_of_ones_own() -> None:
    with pytest.raises(SettingsError, match="DUECOURSE_SENDER must be your own address"):
        Settings.load(smtp_host="mail.acme.com")


def test_a_login_needs_a_password() -> None:
    with pytest.raises(SettingsError, match="DUECOURSE_SMTP_PASSWORD is missing"):
        Settings.load(smtp_host="127.0.0.1", smtp_username="duecourse")


def test_a_login_is_never_sent_in_the_clear() -> None:
    settings = Settings.load(
        smtp_host="mail.acme.com", smtp_username="duecourse", smtp_password="secret", smtp_security="none", sender="ar@acme.com"
    )

    with pytest.raises(SettingsError, match="starttls or tls"):
        settings.build_smtp_settings()


def test_the_example_company_is_fictitious_and_gives_way_to_ones_own(tmp_path: Path) -> None:
    settings = Settings.load(data_dir=tmp_path)
    assert load_company(settings).is_fictitious

    own = "name: Acme\naddress: [1 Road]\niban: DE02120300000000202051\ncollector: {name: Ann, email: ann@acme.com}\n"
    (tmp_path / "company.yaml").write_text(own, encoding="utf-8")

    assert load_company(settings).name == "Acme"


def test_the_example_company_never_writes_to_strangers(tmp_path: Path) -> None:
    settings = Settings.load(data_dir=tmp_path, smtp_host="mail.acme.com", sender="ar@acme.com")

    with pytest.raises(CompanyError, match="write your own"):
        load_company(settings)


def test_a_company_file_that_cannot_be_used_says_which_key(tmp_path: Path) -> None:
    file = tmp_path / "company.yaml"
    file.write_text("name: Acme\nadress: [1 Road]\n", encoding="utf-8")

    with pytest.raises(CompanyError, match=r"adress.*like") as refusal:
        load_company_file(file)

    assert "iban" in str(refusal.value)


OWN = "name: Acme\naddress: [1 Road]\niban: DE02120300000000202051\ncollector: {name: Ann, email: ann@acme.com}\n"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (OWN.replace("2051", "2052"), r"iban: .*'DE02120300000000202052' is no IBAN: .*check digit"),
        (OWN.replace("DE02120300000000202051", "DE02"), r"iban: .DE02. is no IBAN"),
        (OWN + "bic: BYLADE\n", r"bic: .*'BYLADE' is no BIC"),
        (OWN + "us_account: {account_number: '1', routing_number: '021000022'}\n", r"us_account\.routing_number: .*is no routing number"),
        (OWN + "accounts: {GBP: {iban: GB33BUKB20201555555556}}\n", r"accounts\.GBP\.iban: .*is no IBAN"),
        (OWN + "accounts: {Pounds: {iban: GB33BUKB20201555555555}}\n", r"accounts\.Pounds"),
        (OWN + "legal: {register_entry: HRB 1, chairman: Bob}\n", r"legal\.chairman: extra inputs"),
    ],
)
def test_a_mistyped_bank_account_is_refused_by_its_key(tmp_path: Path, wrong: str, told: str) -> None:
    file = tmp_path / "company.yaml"
    file.write_text(wrong, encoding="utf-8")

    with pytest.raises(CompanyError, match=told):
        load_company_file(file)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"temporal_tls": True}, "DUECOURSE_TEMPORAL_TLS is for a server of your own: set DUECOURSE_TEMPORAL_ADDRESS too"),
        ({"temporal_api_key": "secret"}, "DUECOURSE_TEMPORAL_API_KEY is for a server of your own"),
        ({"temporal_address": "t.acme.com:7233", "temporal_tls_cert_file": "a.pem"}, "DUECOURSE_TEMPORAL_TLS_KEY_FILE is missing"),
        ({"temporal_address": "t.acme.com:7233", "temporal_tls_key_file": "a.key"}, "DUECOURSE_TEMPORAL_TLS_CERT_FILE is missing"),
        (
            {"temporal_address": "t.acme.com:7233", "temporal_tls": False, "temporal_tls_ca_file": "ca.pem"},
            "DUECOURSE_TEMPORAL_TLS is false, and DUECOURSE_TEMPORAL_TLS_CA_FILE is set",
        ),
        ({"temporal_address": "t.acme.com:7233", "temporal_tls": False, "temporal_api_key": "secret"}, "would be given away"),
        ({"temporal_address": "t.acme.com:7233", "temporal_tls_server_name": "https://t"}, "such as temporal.your-company.com"),
    ],
)
def test_a_temporal_server_is_secured_whole_or_not_at_all(given: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=told) as refusal:
        Settings.load(**given)

    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("given", "uses_tls"),
    [
        ({}, False),
        ({"temporal_address": "t.acme.com:7233"}, False),
        ({"temporal_address": "t.acme.com:7233", "temporal_tls": True}, True),
        ({"temporal_address": "t.acme.com:7233", "temporal_tls_ca_file": "ca.pem"}, True),
        ({"temporal_address": "t.acme.com:7233", "temporal_api_key": "secret"}, True),
        ({"temporal_address": "127.0.0.1:7233", "temporal_tls": False, "temporal_api_key": "secret"}, False),
    ],
)
def test_a_temporal_server_is_reached_over_tls_where_anything_of_it_is_set(given: dict[str, Any], uses_tls: bool) -> None:
    assert Settings.load(**given).uses_temporal_tls is uses_tls
