"""Makes an account's dossier when a case asks for it."""

import asyncio
from datetime import datetime

from temporalio import activity

from activities.permanent_failures import failing_permanently
from adapters.dossier.dossier_store import DossierStore, RequestedDossier
from domain.case.effects import MakeDossier
from domain.dossier import DossierPurpose, GeneratedDossier


class DossierActivities:
    def __init__(self, dossiers: DossierStore) -> None:
        self._dossiers = dossiers

    @activity.defn
    async def make_dossier(self, effect: MakeDossier, key: str, at: datetime) -> GeneratedDossier:
        """As the account stands at `at` (business time). Tried again under its key, it is the one that was made first."""
        order = RequestedDossier(key, effect.account_id, DossierPurpose(effect.purpose), at, asked_by=activity.info().workflow_id or key)
        with failing_permanently():
            return await asyncio.to_thread(self._dossiers.make_dossier, order)
