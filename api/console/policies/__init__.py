"""The pages of policies: a picture of each, its versions and what differs, who follows which, a draft that is checked, what is missing."""
