"""The endpoints, a module for each thing that they are about. SQL is next to the endpoint that needs it."""
