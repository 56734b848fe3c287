"""The pages for browsers, served by the server itself."""
