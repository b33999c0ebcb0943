"""Letters as text and HTML: templates, wording, layout."""
