"""What an auditor uses: replay, verification, seals, exports, erasure, the log of who looked at what."""
