"""Where a MySQL server is, and how to get in: settings, option files, hosts, TLS, login."""
