"""Reports on the engagements in a MySQL database."""
