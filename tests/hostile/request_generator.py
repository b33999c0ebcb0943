"""Requests made from the API's own description, the same for a seed: most are nearly right, each with something that is not."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote

TEXTS = (
    "",
    " ",
    "a",
    "A-1",
    "I-1",
    "²",
    "٣",
    "１",
    "\0",
    "\x1b[31m",
    "a\nb",
    "\ud800",
    "😀" * 60,
    "x" * 300,
    "x" * 70_000,
    "../../etc/passwd",
    "%2F",
    "'; DROP TABLE invoices; --",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "%s%n",
    "null",
    "NaN",
    "-1",
    "1e999",
    "9" * 30,
    "9" * 5_000,
    "9223372036854775808",
    "0001-01-01",
    "9999-12-31",
    "2013-02-30",
    "\u202eabc",
    "W10",
    "W1tbW1tbW1tb",
    "WzkyMjMzNzIwMzY4NTQ3NzU4MDhd",
)
NUMBERS = (0, -1, 1, 2**31 - 1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**30, 1.5, 1e308, -0.0)
OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], {"a": {"b": []}}, ["x"] * 1_200)
HEADERS: tuple[Mapping[bytes, bytes], ...] = (
    {b"If-Match": "²".encode()},
    {b"If-Match": b'"99999999999999999999999"'},
    {b"Accept-Language": b"de;q=nan, fr;q=1e999, ;;;, en;q=-1" + b",x" * 500},
    {b"Idempotency-Key": b"\x7f\xff"},
    {b"Idempotency-Key": b"x" * 300},
    {b"Content-Length": b"9" * 40},
    {b"Content-Type": b"application/json; charset=utf-32"},
    {b"Content-Type": b"multipart/form-data"},
    {b"Content-Type": b"multipart/form-data; boundary=" + b"x" * 100},
    {b"Content-Type": b"text/plain"},
    {b"Accept": b"text/html"},
    {b"Range": b"bytes=5-1"},
    {b"Origin": b"http://["},
    {b"Host": b"[::1"},
    {b"Cookie": b"duecourse_session=\xff; ;=;"},
    {b"X-Forwarded-Proto": b"gopher"},
)
BODIES = (b"", b"{", b"[" * 20_000, b"\xff\xfe", b'{"a":' * 500 + b"1" + b"}" * 500, b"1" * 5_000, b'"\\ud800"', b"--x\r\n", b"null")


@dataclass(frozen=True)
class GeneratedRequest:
    operation: str
    method: str
    target: str
    headers: Mapping[bytes, bytes]
    body: bytes

    def __str__(self) -> str:
        return f"{self.method} {self.target[:300]} {dict(self.headers)} {self.body[:300]!r}"


class RequestGenerator:
    """`known`: values that exist, by the name of the parameter; without them nearly all would be answered by 404."""

    def __init__(self, document: Mapping[str, Any], known: Mapping[str, Sequence[str]], seed: int) -> None:
        self._schemas = document["components"]["schemas"]
        self._known, self._chance = known, Random(seed)
        self._operations = [
            (method.upper(), path, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
            if method in ("get", "post", "put", "delete")
        ]

    def generate(self, rounds: int) -> Iterator[GeneratedRequest]:
        """Each operation once in a round."""
        for _ in range(rounds):
            for method, path, operation in self._operations:
                yield self._build_request(method, path, operation)

    def _build_request(self, method: str, path: str, operation: Mapping[str, Any]) -> GeneratedRequest:
        query = []
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", self._choose_path_value(parameter))
            elif parameter["in"] == "query" and self._chance.random() < 0.4:
                query.append(f"{parameter['name']}={self._encode(self._make_text(parameter))}")
        if self._chance.random() < 0.05:
            query.append(f"{self._encode(self._chance.choice(TEXTS)[:50])}={self._encode(self._chance.choice(TEXTS)[:50])}")
        headers, body = self._make_body(operation)
        if self._chance.random() < 0.1:
            headers = {**headers, **self._chance.choice(HEADERS)}
        return GeneratedRequest(operation["operationId"], method, path + ("?" + "&".join(query) if query else ""), headers, body)

    def _choose_path_value(self, parameter: Mapping[str, Any]) -> str:
        known = self._known.get(parameter["name"], ())
        if known and self._chance.random() < 0.75:
            return quote(self._chance.choice(known), safe="")
        return self._encode(self._make_text(parameter)[:6_000]) or "%20"

    def _make_text(self, parameter: Mapping[str, Any]) -> str:
        known = self._known.get(parameter["name"], ())
        if known and self._chance.random() < 0.4:
            return self._chance.choice(known)
        value = self._make_value(parameter["schema"])
        return value if isinstance(value, str) else json.dumps(value)

    def _encode(self, text: str) -> str:
        """Percent-encoded; now and then something that is no such thing."""
        if self._chance.random() < 0.02:
            return self._chance.choice(("%", "%zz", "%FF", "%00", "%C0%AF", "%ED%A0%80"))
        return quote(text[:8_000].encode("utf-8", "replace"), safe="")

    def _make_body(self, operation: Mapping[str, Any]) -> tuple[Mapping[bytes, bytes], bytes]:
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            headers = {b"Content-Type": b"application/json"}
            if self._chance.random() < 0.05:
                return headers, self._chance.choice(BODIES)
            return headers, json.dumps(self._make_value(content["application/json"]["schema"])).encode()
        if "multipart/form-data" in content:
            return {b"Content-Type": b"multipart/form-data; boundary=B"}, self._make_form(content["multipart/form-data"]["schema"])
        return {}, b""

    def _make_form(self, schema: Mapping[str, Any]) -> bytes:
        parts = []
        for name in self._resolve(schema).get("properties", {}):
            value = self._chance.choice(TEXTS)[:2_000].encode("utf-8", "replace")
            quoted = self._chance.choice((b"a.csv", b"", b"..", b'a\\".xlsx', b"\xff", b"x" * 400))
            file = b'; filename="' + quoted + b'"' if "file" in name and self._chance.random() < 0.9 else b""
            parts.append(b'--B\r\nContent-Disposition: form-data; name="' + name.encode() + b'"' + file + b"\r\n\r\n" + value + b"\r\n")
        return b"".join(parts) + (b"--B--\r\n" if self._chance.random() < 0.95 else b"")

    def _resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in schema:
            schema = self._schemas[schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def _make_value(self, schema: Mapping[str, Any], name: str = "", depth: int = 0) -> Any:
        """A value that fits the schema, in six of seven cases."""
        schema = self._resolve(schema)
        if self._chance.random() < 0.14:
            return self._chance.choice((*TEXTS, *NUMBERS, *OTHERS))
        if known := self._known.get(name):
            return self._chance.choice(known)
        for key in ("anyOf", "oneOf", "allOf"):
            if key in schema:
                return self._make_value(self._chance.choice(schema[key]), name, depth)
        if "enum" in schema or "const" in schema:
            return self._chance.choice(schema.get("enum") or [schema.get("const")])
        match schema.get("type"):
            case "object":
                return self._make_object(schema, depth)
            case "array":
                return [self._make_value(schema.get("items", {}), name, depth + 1) for _ in range(self._chance.randint(0, 3))]
            case "integer" | "number":
                return self._chance.choice((schema.get("minimum", 0), schema.get("maximum", 9), 1, 2))
            case "boolean":
                return self._chance.random() < 0.5
            case "null":
                return None
        return self._make_string(schema)

    def _make_object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        needed = schema.get("required", ())
        made = {
            name: self._make_value(each, name, depth + 1)
            for name, each in schema.get("properties", {}).items()
            if (name in needed and self._chance.random() < 0.97) or self._chance.random() < 0.5
        }
        if self._chance.random() < 0.03:
            made[self._chance.choice(TEXTS)[:40]] = 1
        return made

    def _make_string(self, schema: Mapping[str, Any]) -> str:
        if schema.get("format") == "date":
            return self._chance.choice(("2013-03-04", "2013-03-20", "2012-12-31", "2999-12-31", "1970-01-01"))
        longest = min(int(schema.get("maxLength", 40)), 10_000)
        return self._chance.choice(("EUR", "12.34", "DE", "x" * max(int(schema.get("minLength", 1)), 1), "ä" * longest, "A-1"))
