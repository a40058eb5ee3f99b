"""The HTML page of all reports: its sections, charts and texts."""
