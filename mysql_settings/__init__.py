"""The settings of a connection to MySQL: config, environment, option files, hosts, TLS, login."""
