"""The adoption of a later version of a policy by the open invoices: what it changes, who must agree, and how far it has come."""
