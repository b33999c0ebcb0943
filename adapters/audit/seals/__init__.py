"""The daily seals of the journal, and their mail to the auditors."""
