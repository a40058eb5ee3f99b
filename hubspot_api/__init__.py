"""One way to send HubSpot a request: authorised, timed out, retried, rate limited, typed errors."""
