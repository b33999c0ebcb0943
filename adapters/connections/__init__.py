"""Connected billing systems: what they say is kept beside what the embedded ledger books, in the same tables, and compared every night."""
