"""The versions of policies and of the approval matrix, as they were put in force."""
