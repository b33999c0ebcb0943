"""What a page may load that shows a letter."""

from api.web.middleware import CONTENT_SECURITY_POLICY

MAIL_CONTENT_SECURITY_POLICY = CONTENT_SECURITY_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
    "script-src 'self'", "script-src 'none'"
)
"""A letter brings its own style attributes. It is shown in a sandboxed frame without scripts, forms or anything from elsewhere."""
