"""The tools of an audit: replay, verification, seals, exports, erasure, the access log."""
