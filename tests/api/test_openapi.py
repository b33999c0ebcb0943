"""The description that other programs read."""

from typing import Any

import pytest
from fastapi import FastAPI

from api.app import TAGS


@pytest.fixture
def described(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def operations(described: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f"{method} {path}": operation for path, methods in described["paths"].items() for method, operation in methods.items()}


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(references(value) for value in node.values()))
    return set().union(*(references(value) for value in node)) if isinstance(node, list) else set()


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    known = {f"#/components/schemas/{name}" for name in described["components"]["schemas"]}
    assert references(described) <= known


def test_every_operation_has_a_name_a_summary_and_a_tag(described: dict[str, Any]) -> None:
    all_operations = operations(described)
    assert len({operation["operationId"] for operation in all_operations.values()}) == len(all_operations)
    tags = {tag["name"] for tag in TAGS}
    for place, operation in all_operations.items():
        assert operation["summary"], place
        assert operation["tags"], place
        assert set(operation["tags"]) <= tags, place
        assert "_" in operation["operationId"], place


def test_every_operation_but_the_two_probes_asks_for_a_token(described: dict[str, Any]) -> None:
    unguarded = {place for place, operation in operations(described).items() if "security" not in operation}
    assert unguarded == {"get /healthz", "get /readyz"}
    assert described["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_every_json_body_has_an_example(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    for place, operation in operations(described).items():
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content:
            schema = schemas[content["schema"]["$ref"].rsplit("/", 1)[1]]
            assert "example" in schema, place


def test_errors_are_described_as_problem_documents(described: dict[str, Any]) -> None:
    for place, operation in operations(described).items():
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert set(response["content"]) == {"application/problem+json"}, (place, status)
    assert "HTTPValidationError" not in str(described)


def test_pages_are_not_described(described: dict[str, Any]) -> None:
    assert {path.split("/")[1] for path in described["paths"]} == {"v1", "healthz", "readyz", "metrics"}
