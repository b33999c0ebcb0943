"""What finance decides: the collection policy, the approval matrix, and the rules for disputes and payment plans."""
