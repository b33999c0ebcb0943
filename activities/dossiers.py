"""Makes an account's dossier when a case asks for it."""

import asyncio
from datetime import datetime

from temporalio import activity
from temporalio.exceptions import ApplicationError

from adapters.dossier.dossier_store import DossierBook, UnknownAccountError, WantedDossier
from domain.case.effects import MakeDossier
from domain.dossier import DossierMade, DossierPurpose


class DossierMaking:
    def __init__(self, dossiers: DossierBook) -> None:
        self._dossiers = dossiers

    @activity.defn
    async def make_dossier(self, wanted: MakeDossier, key: str, at: datetime) -> DossierMade:
        """As the account stands at `at` (business time). Tried again under its key, it is the one that was made first."""
        order = WantedDossier(key, wanted.account_id, DossierPurpose(wanted.purpose), at, asked_by=activity.info().workflow_id or key)
        try:
            return await asyncio.to_thread(self._dossiers.make, order)
        except UnknownAccountError as error:
            raise ApplicationError(str(error), type="UnknownAccount", non_retryable=True) from error
