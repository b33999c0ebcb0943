"""The standing check of the cases: one whose workflow was lost is begun again from what is stored, one that is stuck is found."""
