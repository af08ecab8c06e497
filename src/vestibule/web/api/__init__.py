"""The administration API under `/client/v4`: its envelope, its credentials, its routes."""
