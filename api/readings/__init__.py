"""What lists and pages show, read from the ledger and the read model. Every function opens one session and leaves no row object behind."""
