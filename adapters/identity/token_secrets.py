"""Secrets that somebody carries: made here, and known to the database by their SHA-256 only."""

import hashlib
import secrets

TOKEN_PREFIX = "dc_"


def make_token_secret() -> str:
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
