"""The page about imports lists each field as the reader of rows knows it."""

from adapters.imports.column_mapping import MappedFields
from adapters.imports.field_rules import FIELD_RULES, format_field_table
from adapters.shipped_files import PROJECT


def test_every_field_of_a_mapping_has_its_rule_and_the_needed_ones_are_needed() -> None:
    fields = MappedFields.model_fields
    assert set(FIELD_RULES) == set(fields)
    assert {name for name, rule in FIELD_RULES.items() if rule.needed} == {name for name, field in fields.items() if field.is_required()}


def test_the_page_about_imports_lists_every_field() -> None:
    page = (PROJECT / "docs" / "imports.md").read_text(encoding="utf-8")
    assert page.partition("<!-- fields:begin -->\n")[2].partition("\n<!-- fields:end -->")[0] == format_field_table()
