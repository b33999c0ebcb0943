"""The policies that finance writes: the collection policy, the approval matrix, and the rules for disputes and payment plans."""
