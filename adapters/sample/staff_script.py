"""What the invented staff does on which business day of the sample: the script.

Within sixty days each kind of case begins and ends somewhere, and at any time something waits for whoever looks: an approval, a dispute, a
call, an offer that was sent back. What nobody of the script does is left for them.
"""

from typing import NamedTuple

from adapters.sample import staff_acts as acts
from adapters.sample.staff_acts import Contest, Deed

ANNA, LOUIS, GRACE = "anna.brandt", "louis.moreau", "grace.okafor"
MANAGER, DIRECTOR, SALES_OPS, SALES = "miriam.wolff", "helena.roth", "paula.reyes", "sven.lindqvist"
ANALYST, WRITE_OFFS = "ines.carvalho", "omar.haddad"
CUSTOMER = ""
"""Not of the staff: the customer pays, and the bank reports it."""

LONG_PATIENCE = 14
"""Days for what waits for the end of a notice, or for something that begins with it."""


class StaffAct(NamedTuple):
    """An act of a member of the staff. `day` counts from the business date at which the sample begins; it is tried for `patience` days from
    the first try on, for what it builds on may take its time."""

    name: str
    day: int
    user: str
    deed: Deed
    patience: int = 5


_CLADDAGH, _PENNINE, _BRASSERIE, _ALBORADA, _GRANITE = "C1038", "C1028", "C1016", "C1026", "C1036"
_BLUE_HERON, _DONAU, _GRUENWALD, _TOURNESOL, _LUMEN = "C1033", "C1008", "C1006", "C1013", "C1018"
_SAINTE_AURORE, _COSTA_CLARA, _THEATER, _CEDAR, _IBANEZ = "C1014", "C1024", "C1004", "C1034", "C1023"

_SUSPENDED_AND_PAID = (
    StaffAct("claddagh-call", 1, GRACE, acts.call(_CLADDAGH, "Says that the bank does not pay before the summer.", "refuses_to_pay")),
    StaffAct("claddagh-ask", 2, GRACE, acts.ask_suspension(_CLADDAGH, "five invoices, the oldest due 76 days ago; refuses to pay")),
    StaffAct("claddagh-warning", 3, MANAGER, acts.sign_suspension(_CLADDAGH, "Warn them, in writing."), patience=8),
    StaffAct("claddagh-sign", 17, MANAGER, acts.sign_suspension(_CLADDAGH, "The notice is over."), patience=LONG_PATIENCE),
    StaffAct("claddagh-pays", 26, CUSTOMER, acts.pay_while_suspended(_CLADDAGH), patience=LONG_PATIENCE),
)
_HANDED_OVER_AND_WRITTEN_OFF = (
    StaffAct("pennine-ask", 2, GRACE, acts.ask_suspension(_PENNINE, "two invoices, the oldest due 102 days ago; nobody answers")),
    StaffAct("pennine-warning", 3, MANAGER, acts.sign_suspension(_PENNINE), patience=8),
    StaffAct("pennine-sign", 17, MANAGER, acts.sign_suspension(_PENNINE), patience=LONG_PATIENCE),
    StaffAct("pennine-hand-over", 22, MANAGER, acts.hand_over(_PENNINE), patience=LONG_PATIENCE),
    StaffAct("pennine-write-off", 24, WRITE_OFFS, acts.write_off_whole(_PENNINE, "the shop is closed for good"), patience=LONG_PATIENCE),
    StaffAct("pennine-manager", 25, MANAGER, acts.sign_write_off(_PENNINE), patience=LONG_PATIENCE),
    StaffAct("pennine-director", 26, DIRECTOR, acts.sign_write_off(_PENNINE, "Agreed; it was provided for."), patience=LONG_PATIENCE),
)
_DISPUTES = (
    StaffAct(
        "brasserie-dispute",
        2,
        LOUIS,
        acts.call(
            _BRASSERIE,
            "Will pay the rest once this is cleared.",
            contest=Contest("R-24076", "wrong_quantity", "Two of twelve crates were missing.", 48_000),
        ),
    ),
    StaffAct("brasserie-answer", 4, SALES_OPS, acts.resolve_dispute(_BRASSERIE, "credit_note", "Ten were delivered.", 48_000)),
    StaffAct("brasserie-credit", 5, MANAGER, acts.decide_dispute_credit(_BRASSERIE)),
    StaffAct(
        "alborada-dispute",
        2,
        LOUIS,
        acts.call(
            _ALBORADA, "Has the delivery note looked for.", contest=Contest("R-24126", "not_delivered", "Says that nothing arrived.")
        ),
    ),
    StaffAct("alborada-answer", 5, SALES_OPS, acts.resolve_dispute(_ALBORADA, "rejected", "Delivered, and signed for by the warehouse.")),
    StaffAct(
        "granite-dispute",
        11,
        GRACE,
        acts.call(_GRANITE, "Waits for sales to look at it.", contest=Contest("R-24176", "quality", "The labels come off.")),
    ),
)
_PROMISES_AND_CALLS = (
    StaffAct("blue-heron-promise", 9, GRACE, acts.call(_BLUE_HERON, "Pays from the next payment run on.", promised_days=18)),
    StaffAct("donau-promise", 10, ANNA, acts.call(_DONAU, "Promises what is overdue for this week.", promised_days=5)),
    StaffAct("gruenwald-call", 4, ANNA, acts.call(_GRUENWALD, "", "no_answer", again_in=6)),
    StaffAct("costa-clara-call", 8, LOUIS, acts.call(_COSTA_CLARA, "Left word with her office.", "left_message", again_in=3)),
    StaffAct("theater-call", 20, ANNA, acts.call(_THEATER, "The treasurer is away until next week.", "call_back_later", again_in=5)),
)
_PLANS = (
    StaffAct(
        "gruenwald-plan",
        11,
        ANNA,
        acts.propose_plan(_GRUENWALD, ("R-24026", "R-24028", "R-24029", "R-24030"), 3, "cannot pay at once", first_in=8),
    ),
    StaffAct("gruenwald-approve", 12, MANAGER, acts.decide_plan(_GRUENWALD)),
    StaffAct("gruenwald-accept", 14, ANNA, acts.accept_plan(_GRUENWALD, "By e-mail of today."), patience=8),
    StaffAct("gruenwald-pays", 17, CUSTOMER, acts.pay_instalment(_GRUENWALD), patience=8),
    StaffAct(
        "donau-plan",
        19,
        ANNA,
        acts.propose_plan(_DONAU, ("R-24036", "R-24037", "R-24038", "R-24039", "R-24040"), 6, "the fairs were cancelled", first_in=12),
    ),
    StaffAct("donau-manager", 20, MANAGER, acts.decide_plan(_DONAU)),
    StaffAct("donau-director", 21, DIRECTOR, acts.decide_plan(_DONAU)),
    StaffAct("donau-accept", 24, ANNA, acts.accept_plan(_DONAU, "Rang today."), patience=8),
    StaffAct("donau-pays", 28, CUSTOMER, acts.pay_instalment(_DONAU), patience=8),
    StaffAct("tournesol-plan", 8, LOUIS, acts.propose_plan(_TOURNESOL, ("R-24061",), 10, "a new oven")),
    StaffAct("tournesol-return", 9, MANAGER, acts.decide_plan(_TOURNESOL, "return", "Ten months are too long; offer three.")),
    StaffAct("lumen-plan", 19, LOUIS, acts.propose_plan(_LUMEN, ("R-24086", "R-24087"), 6, "no fair before autumn")),
    StaffAct("lumen-return", 20, MANAGER, acts.decide_plan(_LUMEN, "return", "Ask for a first payment of EUR 1,000.")),
    StaffAct("sainte-aurore-plan", 37, LOUIS, acts.propose_plan(_SAINTE_AURORE, ("R-24066",), 12, "waits for public money")),
    StaffAct("sainte-aurore-return", 38, MANAGER, acts.decide_plan(_SAINTE_AURORE, "return", "Twelve parts are too many; offer six.")),
)
_ESCALATIONS_AND_REVIEWS = (
    StaffAct("almwirt-escalate", 3, ANNA, acts.escalate("R-24034", "sales", "They say that 5 % were promised to them.")),
    StaffAct("almwirt-answer", 5, SALES, acts.answer_escalation("R-24034", "almwirt-escalate", "No discount was promised.")),
    StaffAct("theater-escalate", 14, ANNA, acts.escalate("R-24016", "collections_manager", "The city asks us to wait. Do we?")),
    StaffAct("cedar-refer", 5, GRACE, acts.refer(_CEDAR, "Pays half of each invoice, and late.")),
    StaffAct(
        "cedar-verdict",
        7,
        ANALYST,
        acts.give_verdict(_CEDAR, {"ability": "able", "willingness": "willing", "conditions": "New orders against half in advance."}),
    ),
    StaffAct("donau-refer", 16, ANNA, acts.refer(_DONAU, "Broke the promise of last week.")),
)
_LEFT_FOR_THE_NEWCOMER = (
    StaffAct("costa-clara-plan", 7, LOUIS, acts.propose_plan(_COSTA_CLARA, ("R-24118",), 4, "pays half at once")),
    StaffAct("sainte-aurore-ask", 8, LOUIS, acts.ask_suspension(_SAINTE_AURORE, "due 108 days ago; a part came, and no word")),
    StaffAct("alborada-ask", 24, LOUIS, acts.ask_suspension(_ALBORADA, "every promise was broken")),
    StaffAct("theater-plan", 26, ANNA, acts.propose_plan(_THEATER, ("R-24016",), 3, "the subsidy comes in parts")),
    StaffAct("ibanez-plan", 33, LOUIS, acts.propose_plan(_IBANEZ, ("R-24111", "R-24112"), 2, "a customer of theirs is late")),
    StaffAct("lumen-ask", 41, LOUIS, acts.ask_suspension(_LUMEN, "no answer to any letter")),
)

STAFF_SCRIPT: tuple[StaffAct, ...] = tuple(
    sorted(
        (
            *_SUSPENDED_AND_PAID,
            *_HANDED_OVER_AND_WRITTEN_OFF,
            *_DISPUTES,
            *_PROMISES_AND_CALLS,
            *_PLANS,
            *_ESCALATIONS_AND_REVIEWS,
            *_LEFT_FOR_THE_NEWCOMER,
        ),
        key=lambda act: act.day,
    )
)
"""In the order of their days."""
