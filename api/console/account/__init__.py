"""The page of an account, which answers a call without another click, and the letters that it leads to."""
