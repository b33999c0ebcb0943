"""A TLS proxy in front of a Temporal server, and the throw-away certificates of an authority that only tests know."""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from itertools import count
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK = "127.0.0.1"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class CertificateFiles:
    certificate: Path
    key: Path


class ThrowAwayAuthority:
    """An authority whose certificate is in `certificate`; it issues what it is asked for."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder, self._numbers = folder, count(1)
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        builder = self._begin(self._name, self._key, now - DAY, now + DAY)
        usage = x509.KeyUsage(
            False, False, False, False, False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False
        )
        own = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).add_extension(usage, critical=True)
        self.certificate = folder / f"{name}.pem"
        self.certificate.write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *, begins: timedelta = -DAY, ends: timedelta = DAY, password: str | None = None) -> CertificateFiles:
        """Issue a certificate for a host's name or address, or for a caller, valid from `begins` to `ends` from now."""
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            self._begin(subject, key, now + begins, now + ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([_build_general_name(name)]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        stem = f"{name}-{next(self._numbers)}"
        files = CertificateFiles(self._folder / f"{stem}.pem", self._folder / f"{stem}.key")
        files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        locked = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
        files.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked))
        return files

    def _begin(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, begins: datetime, ends: datetime) -> x509.CertificateBuilder:
        return x509.CertificateBuilder(
            issuer_name=self._name,
            subject_name=subject,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=begins,
            not_valid_after=ends,
        )


def _build_server_context(shown: CertificateFiles, callers: ThrowAwayAuthority | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.certificate, shown.key)
    context.set_alpn_protocols(["h2"])
    if callers is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(callers.certificate)
    return context


@contextmanager
def alerting_server(shown: CertificateFiles, callers: ThrowAwayAuthority) -> Iterator[str]:
    """The address of a server that asks for a certificate of `callers`, and says why it refuses one, as TLS has it."""
    context, listener = _build_server_context(shown, callers), socket.create_server((LOOPBACK, 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), plain, context.wrap_socket(plain, server_side=True) as encrypted:
                encrypted.recv(1)

    serving = threading.Thread(target=serve, daemon=True)
    serving.start()
    try:
        yield f"{LOOPBACK}:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        serving.join()
        listener.close()


def _build_general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@asynccontextmanager
async def tls_proxy(target: str, shown: CertificateFiles, callers: ThrowAwayAuthority | None = None) -> AsyncIterator[str]:
    """The address of a proxy that shows a certificate, asks for one of `callers` unless that is None, and passes all on to `target`.
    It hangs up on whoever has none, without a word: asyncio sends no alerts."""
    context = _build_server_context(shown, callers)
    host, _, port = target.rpartition(":")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_connection(host, int(port))
            await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))

    server = await asyncio.start_server(serve, LOOPBACK, 0, ssl=context)
    try:
        yield f"{LOOPBACK}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def key_checking_server(key: bytes) -> AsyncIterator[tuple[str, list[bool]]]:
    """The address of a server without TLS that refuses every call as Temporal Cloud does one without a good API key, and for each call
    whether it had `key`, the API key as HTTP/2 packs it."""
    seen: list[bool] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            await reader.readexactly(24)
            writer.write(_frame(4, 0, 0, b""))
            while True:
                head = await reader.readexactly(9)
                body = await reader.readexactly(int.from_bytes(head[:3], "big"))
                kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
                if kind == 4 and not flags & 1:
                    writer.write(_frame(4, 1, 0, b""))
                if kind == 6 and not flags & 1:
                    writer.write(_frame(6, 1, 0, body))
                if kind == 1:
                    seen.append(key in body)
                    writer.write(_frame(1, 5, stream, _REFUSAL))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    try:
        yield f"{LOOPBACK}:{server.sockets[0].getsockname()[1]}", seen
    finally:
        server.close()


def _frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return len(body).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + body


def _header(name: bytes, value: bytes) -> bytes:
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


_REFUSAL = (
    b"\x88"
    + _header(b"content-type", b"application/grpc")
    + _header(b"grpc-status", b"16")
    + _header(b"grpc-message", b"Request unauthorized.")
)
"""Status 200, and gRPC's own 16: unauthenticated."""

_HUFFMAN = {
    "B": "1011101",
    "e": "00101",
    "a": "00011",
    "r": "101100",
    " ": "010100",
    "c": "00100",
    "t": "01001",
    "o": "00111",
    "s": "01000",
}
"""The part of HPACK's table (RFC 7541, appendix B) that `Bearer` and a key of these letters need."""


def pack_header_value(text: str) -> bytes:
    """Pack a text of a few letters as HTTP/2 does in a header."""
    bits = "".join(_HUFFMAN[letter] for letter in text)
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")
