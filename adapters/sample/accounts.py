"""The customers and the staff of the sample portfolio. All are invented; their addresses end in `.example`, which receives no mail (RFC
2606), and their telephone numbers are kept for fiction or are nobody's."""

from typing import NamedTuple

from domain.roles import Role


class SampleAccount(NamedTuple):
    """An invented customer and its billing contact."""

    id: str
    name: str
    contact: str
    email: str
    phone: str
    country: str
    time_zone: str
    language: str
    currency: str
    collector: str


class SampleUser(NamedTuple):
    """An invented member of the staff."""

    name: str
    full_name: str
    email: str
    phone: str
    role: Role


CUSTOMER = "sample customer"
"""Who recorded what an invented customer did: the bank's file, or a letter."""

COLLECTORS_BY_LANGUAGE = {"de": "anna.brandt", "fr": "louis.moreau", "es": "louis.moreau", "en": "grace.okafor"}

SAMPLE_USERS = (
    SampleUser("anna.brandt", "Anna Brandt", "anna.brandt@lindenhof.example", "+49 30 0000001", Role.COLLECTOR),
    SampleUser("louis.moreau", "Louis Moreau", "louis.moreau@lindenhof.example", "+33 1 00 00 00 02", Role.COLLECTOR),
    SampleUser("grace.okafor", "Grace Okafor", "grace.okafor@lindenhof.example", "+44 20 0000 0003", Role.COLLECTOR),
    SampleUser("miriam.wolff", "Miriam Wolff", "miriam.wolff@lindenhof.example", "+49 30 0000004", Role.COLLECTIONS_MANAGER),
    SampleUser("helena.roth", "Helena Roth", "helena.roth@lindenhof.example", "+49 30 0000005", Role.FINANCE_DIRECTOR),
    SampleUser("paula.reyes", "Paula Reyes", "paula.reyes@lindenhof.example", "+49 30 0000006", Role.SALES_OPS),
    SampleUser("sven.lindqvist", "Sven Lindqvist", "sven.lindqvist@lindenhof.example", "+49 30 0000007", Role.SALES),
    SampleUser("jonas.petersen", "Jonas Petersen", "jonas.petersen@lindenhof.example", "+49 30 0000008", Role.BILLING_OPS),
    SampleUser("ines.carvalho", "Inês Carvalho", "ines.carvalho@lindenhof.example", "+49 30 0000009", Role.CREDIT_ANALYST),
    SampleUser("omar.haddad", "Omar Haddad", "omar.haddad@lindenhof.example", "+49 30 0000010", Role.WRITE_OFF_ANALYST),
)

_COUNTRIES = {
    "DE": ("Europe/Berlin", "de", "EUR", "+49 30 23125 0{:02d}"),
    "AT": ("Europe/Vienna", "de", "EUR", "+43 1 00000{:02d}"),
    "FR": ("Europe/Paris", "fr", "EUR", "+33 1 99 00 00 {:02d}"),
    "BE": ("Europe/Brussels", "fr", "EUR", "+32 2 000 00 {:02d}"),
    "ES": ("Europe/Madrid", "es", "EUR", "+34 910 000 0{:02d}"),
    "GB": ("Europe/London", "en", "GBP", "+44 20 7946 00{:02d}"),
    "US": ("America/New_York", "en", "USD", "+1 202 555 01{:02d}"),
    "IE": ("Europe/Dublin", "en", "EUR", "+353 20 91 000{:02d}"),
}

_CUSTOMERS = """
DE|Hofgarten Hotels GmbH|Katrin Vogel|hofgarten-hotels
DE|Werkstatt Küppers KG|Jürgen Küppers|werkstatt-kueppers
DE|Möbelhaus Sonnleitner GmbH|Petra Sonnleitner|moebel-sonnleitner
DE|Stadttheater Rabenau gGmbH|Holger Dietz|theater-rabenau
DE|Praxisverbund Elbmarsch|Dr. Silke Harms|praxis-elbmarsch
DE|Kanzlei Grünwald & Partner|Tobias Grünwald|kanzlei-gruenwald
AT|Almwirt Gastronomie GmbH|Franz Hölzl|almwirt
AT|Donau Messebau GmbH|Eva Strasser|donau-messebau
AT|Buchhandlung Seidl e.U.|Maria Seidl|buchhandlung-seidl
AT|Sportpark Inntal GmbH|Lukas Egger|sportpark-inntal
FR|Ateliers Beaurepaire SARL|Claire Beaurepaire|ateliers-beaurepaire
FR|Hôtel du Vieux Moulin SAS|Étienne Roche|vieux-moulin
FR|Boulangeries Tournesol SAS|Amélie Garnier|tournesol
FR|Clinique Sainte-Aurore|Bernard Lefort|sainte-aurore
FR|Menuiserie Charpentier Frères|Paul Charpentier|charpentier-freres
BE|Brasserie des Ardennes SA|Sophie Lambert|brasserie-ardennes
BE|Imprimerie Quai Vert SRL|Marc Dubois|quai-vert
BE|Galerie Lumen SRL|Nathalie Peeters|galerie-lumen
BE|Transports Meuse SA|Olivier Renard|transports-meuse
ES|Bodegas Valdemora S.L.|Lucía Herrera|bodegas-valdemora
ES|Hostelería Mirador S.A.|Javier Ortega|mirador
ES|Academia Norte S.L.|Elena Prieto|academia-norte
ES|Talleres Ibáñez S.L.|Raúl Ibáñez|talleres-ibanez
ES|Clínica Costa Clara|Marta Solís|costa-clara
ES|Librería Tres Puentes|Andrés Molina|tres-puentes
ES|Cerámicas Alborada S.A.|Inés Navarro|alborada
GB|Thornbury Coffee Roasters Ltd|Harriet Dale|thornbury-coffee
GB|Pennine Outdoor Ltd|Owen Clarke|pennine-outdoor
GB|Marlowe & Finch LLP|Imogen Finch|marlowe-finch
GB|Riverside Dental Group Ltd|Sanjay Mehta|riverside-dental
GB|Kestrel Printworks Ltd|Fiona Baird|kestrel-print
GB|St Aldric's School|Thomas Whitlock|st-aldrics
US|Blue Heron Restaurants Inc.|Dana Whitfield|blue-heron
US|Cedar & Main Furniture LLC|Marcus Bell|cedar-main
US|Lakeshore Yoga Studios LLC|Priya Raman|lakeshore-yoga
US|Granite State Brewing Co.|Ellen Pryor|granite-brewing
US|Harbor Point Galleries Inc.|Victor Lane|harbor-point
IE|Claddagh Quay Hotels Ltd|Aoife Brennan|claddagh-quay
IE|Wicklow Woodcraft Ltd|Sean Doyle|wicklow-woodcraft
IE|Liffey Design Studio Ltd|Niamh Kearney|liffey-design
"""


def _parse_account(number: int, line: str) -> SampleAccount:
    country, name, contact, domain = line.split("|")
    zone, language, currency, phone = _COUNTRIES[country]
    return SampleAccount(
        id=f"C{1000 + number}",
        name=name,
        contact=contact,
        email=f"accounts@{domain}.example",
        phone=phone.format(number),
        country=country,
        time_zone=zone,
        language=language,
        currency=currency,
        collector=COLLECTORS_BY_LANGUAGE[language],
    )


SAMPLE_ACCOUNTS = tuple(_parse_account(number, line) for number, line in enumerate(_CUSTOMERS.strip().splitlines(), 1))
