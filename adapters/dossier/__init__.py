"""The dossier that hands an account over: compiled from the database, printed as PDF."""
