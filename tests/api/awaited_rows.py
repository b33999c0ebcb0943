"""Who is awaited by cases whose rows a test makes up: the rows that their workflows would have written beside them."""

from adapters.database.tables import Case, CaseAwaited


def build_awaited_rows(case: Case) -> list[CaseAwaited]:
    def words(name: str) -> list[str]:
        return str(case.summary.get(name) or "").split()

    awaited = {("role", role) for role in [case.awaiting_role, *words("roles")] if role}
    if case.kind == "payment_plan" and case.waiting_for == "author":
        awaited |= {("person", user) for user in words("by")}
    if case.kind == "suspension" and case.waiting_for == "requester":
        awaited |= {("person", user) for user in words("askers")}
    return [CaseAwaited(case_id=case.case_id, part=part, name=name) for part, name in sorted(awaited)]
