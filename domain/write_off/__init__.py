"""The write-off of what an account owes: proposal, decision by the matrix, booking."""
