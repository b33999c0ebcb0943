"""What a page may load that shows a letter."""

from api.web.middleware import CONTENT_SECURITY_POLICY

MAIL_CONTENT_SECURITY_POLICY = CONTENT_SECURITY_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
"""A letter brings its own style attributes. It is shown in a sandboxed frame without scripts, forms or anything from elsewhere; the page
around it has its own scripts. The frame has its page's policy: within a page that was loaded without this one a letter would lose its
style, so that `console.js` loads a page with a letter anew instead of putting it into another."""
