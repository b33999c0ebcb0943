"""What a document or a hold that Duecourse makes in a connected system says of itself, where no person gave it words: its own people read
it there, in their company's language."""

from collections.abc import Mapping
from enum import StrEnum

from adapters.i18n.languages import choose_language


class BookingReason(StrEnum):
    CREDITED = "credited"
    SUSPENDED = "suspended"


_WORDS: Mapping[str, Mapping[BookingReason, str]] = {
    "en": {
        BookingReason.CREDITED: "Credit granted after review (decided in Duecourse)",
        BookingReason.SUSPENDED: "Service suspended because of overdue payment (decided in Duecourse)",
    },
    "de": {
        BookingReason.CREDITED: "Gutschrift nach Prüfung (in Duecourse entschieden)",
        BookingReason.SUSPENDED: "Wegen überfälliger Zahlung gesperrt (in Duecourse entschieden)",
    },
    "fr": {
        BookingReason.CREDITED: "Avoir accordé après examen (décidé dans Duecourse)",
        BookingReason.SUSPENDED: "Service suspendu pour retard de paiement (décidé dans Duecourse)",
    },
    "es": {
        BookingReason.CREDITED: "Abono concedido tras revisión (decidido en Duecourse)",
        BookingReason.SUSPENDED: "Servicio suspendido por impago (decidido en Duecourse)",
    },
}


def describe_booking(reason: BookingReason, language: str) -> str:
    return _WORDS[choose_language(language)][reason]
