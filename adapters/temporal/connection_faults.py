"""Why a connection to a Temporal server does not come about, in words: the SDK only says that it does not.

The server is asked once more with Python's own TLS, which tells a name that differs from a certificate that has expired, and both from a
server that refuses ours.
"""

import re
import socket
import ssl

from cryptography import x509

from adapters.config.settings import ENV_PREFIX
from adapters.temporal.transport_security import API_KEY, CA_FILE, CERT_FILE, KEY_FILE, SERVER_NAME, TLS, TransportSecurity

ADDRESS = f"{ENV_PREFIX}TEMPORAL_ADDRESS"
PROBE_SECONDS = 3.0
_REFUSED_CALLER = re.compile(r"Unauthenticated|PermissionDenied|Request unauthorized", re.IGNORECASE)

_EXPIRED, _NOT_YET_VALID = 10, 9
_OTHER_NAME = frozenset({62, 64})
_UNKNOWN_ISSUER = frozenset({18, 19, 20, 21})
"""OpenSSL's numbers for what is wrong with a certificate."""


def describe_connection_fault(address: str, security: TransportSecurity, told: str) -> str | None:
    """Return what is wrong and what to do, as a sentence without its end; None where nothing is known but that nobody answers.

    `told` is what the SDK said. Blocks for up to a few seconds.
    """
    if _REFUSED_CALLER.search(told):
        return _describe_refused_caller(address, security)
    try:
        return _probe_tls(address, security) if security.uses_tls else _probe_plain(address)
    except OSError:
        return None


def _describe_refused_caller(address: str, security: TransportSecurity) -> str:
    if security.api_key:
        return f"the Temporal server at {address} refuses the API key in {API_KEY}; set one that is valid, and made for this namespace"
    return (
        f"the Temporal server at {address} wants to know who calls: set {API_KEY}, or {CERT_FILE} and {KEY_FILE}, "
        "to what its administrators issued"
    )


def _probe_tls(address: str, security: TransportSecurity) -> str | None:
    name = security.server_name or _split_address(address)[0]
    try:
        _shake_hands(address, security.build_context(), name)
    except ssl.SSLCertVerificationError as error:
        return _describe_server_certificate(address, name, security, error)
    except ssl.SSLError as error:
        reason = error.reason or ""
        if "ALERT" in reason:
            return _describe_refused_certificate(address, security, reason)
        if "WRONG_VERSION_NUMBER" in reason:
            return f"the Temporal server at {address} speaks no TLS; correct {ADDRESS}, or unset {TLS} and all that belongs to it"
    except ConnectionResetError:
        return _describe_refused_certificate(address, security, None)
    return None


def _probe_plain(address: str) -> str | None:
    context = _build_trusting_context()
    try:
        _shake_hands(address, context, _split_address(address)[0])
    except ssl.SSLError as error:
        if "ALERT" not in (error.reason or ""):
            return None
    return f"the Temporal server at {address} speaks TLS: set {TLS}=true, and {CA_FILE} where this machine does not know its authority"


def _describe_server_certificate(address: str, name: str, security: TransportSecurity, error: ssl.SSLCertVerificationError) -> str:
    certificate = _load_server_certificate(address, security, name)
    if error.verify_code == _EXPIRED:
        since = f" on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC" if certificate else ""
        return f"the certificate of the Temporal server at {address} expired{since}; have a new one put in there"
    if error.verify_code == _NOT_YET_VALID:
        return f"the certificate of the Temporal server at {address} is not valid yet; look whether this machine's clock is right"
    if error.verify_code in _OTHER_NAME:
        names = f" ({', '.join(_list_names(certificate))})" if certificate else ""
        return (
            f'the certificate of the Temporal server at {address} is not for "{name}", but for another name{names}; '
            f"where that is the server you mean, write the name into {SERVER_NAME}"
        )
    if error.verify_code in _UNKNOWN_ISSUER:
        trusted = f"by those in {security.ca_file} ({CA_FILE})" if security.ca_file else "by an authority that this machine trusts"
        return (
            f"the certificate of the Temporal server at {address} was not issued {trusted}; "
            f"name the file with its authority's certificate in {CA_FILE}"
        )
    return f"the certificate of the Temporal server at {address} does not hold: {error.verify_message}"


def _describe_refused_certificate(address: str, security: TransportSecurity, alert: str | None) -> str:
    """`alert` is None where the server hung up without a word."""
    if alert is None:
        remedy = (
            f"where it refuses the certificate in {security.cert_file}, name another"
            if security.cert_file
            else "where it wants one, set it"
        )
        return f"the Temporal server at {address} ends the connection once TLS is agreed on; {remedy} in {CERT_FILE} and {KEY_FILE}"
    if security.cert_file is None:
        return f"the Temporal server at {address} asks for a certificate: set {CERT_FILE} and {KEY_FILE} to what its administrators issued"
    why = alert.partition("ALERT_")[2].replace("_", " ").lower()
    return (
        f"the Temporal server at {address} refuses the certificate in {security.cert_file} ({why}); "
        f"name one that its administrators issued in {CERT_FILE} and {KEY_FILE}"
    )


def _load_server_certificate(address: str, security: TransportSecurity, name: str) -> x509.Certificate | None:
    """Return the certificate that the server shows, which proves nothing."""
    try:
        shown = _shake_hands(address, _build_trusting_context(), name)
    except OSError:
        return None
    return x509.load_der_x509_certificate(shown) if shown else None


def _list_names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]


def _shake_hands(address: str, context: ssl.SSLContext, name: str) -> bytes | None:
    """Return the certificate that the server shows. Raises OSError, of which ssl.SSLError is a kind."""
    with (
        socket.create_connection(_split_address(address), timeout=PROBE_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=name) as encrypted,
    ):
        shown = encrypted.getpeercert(binary_form=True)
        # in TLS 1.3 a server says only now that it refuses the caller's certificate; whatever was sent first might hide that
        if context.verify_mode is ssl.CERT_REQUIRED and not encrypted.recv(1):
            raise ConnectionResetError
        return shown


def _build_trusting_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context


def _split_address(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)
