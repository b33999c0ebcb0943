"""What an audit proves: chain verification, daily seals, comparing a replay with the journal."""
