"""The API of the rotas."""
