"""Salesforce as a connected billing system, whichever of its objects the invoices are in, by the library simple-salesforce."""
