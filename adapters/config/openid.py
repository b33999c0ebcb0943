"""What the settings say of a company's own sign-in."""

from adapters.config.settings import Settings, SettingsError
from adapters.identity.openid_provider import OpenIdConfig
from domain.roles import Role


def build_openid_config(settings: Settings) -> OpenIdConfig | None:
    """None where no provider is set. Raises SettingsError."""
    if settings.oidc_issuer is None:
        return None
    if settings.oidc_client_id is None:
        raise SettingsError("DUECOURSE_OIDC_CLIENT_ID is missing: write what the provider calls this application")
    secret = settings.oidc_client_secret
    return OpenIdConfig(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=secret.get_secret_value() if secret else None,
        roles=parse_role_mapping(settings.oidc_roles),
        groups_claim=settings.oidc_groups_claim,
        user_claim=settings.oidc_user_claim,
        scopes=settings.oidc_scopes,
        console_url=settings.console_url,
    )


def parse_role_mapping(text: str | None) -> dict[str, Role]:
    """`GROUP=ROLE; GROUP=ROLE`: a group may have any sign but a semicolon. Raises SettingsError."""
    mapping: dict[str, Role] = {}
    for part in filter(str.strip, (text or "").split(";")):
        group, equals, role = (each.strip() for each in part.rpartition("="))
        if not group or not equals or role not in set(Role):
            raise SettingsError(f"DUECOURSE_OIDC_ROLES cannot be used: in {part.strip()!r} write GROUP=ROLE with one of {', '.join(Role)}")
        if group in mapping:
            raise SettingsError(f"DUECOURSE_OIDC_ROLES cannot be used: the group {group!r} stands there twice")
        mapping[group] = Role(role)
    if not mapping:
        raise SettingsError("DUECOURSE_OIDC_ROLES is missing: write which group gives which role, as GROUP=ROLE; GROUP=ROLE")
    return mapping
