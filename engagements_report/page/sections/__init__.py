"""The sections of the page, one for each report."""
