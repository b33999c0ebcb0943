"""The embedded billing system: invoices, payments, credit notes, service changes, write-offs."""
