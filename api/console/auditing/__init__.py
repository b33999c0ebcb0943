"""The auditor's pages: an account on a day, its entries with their proof, why something was sent or nothing was, and who looked at what."""
