"""Pages of the rotas."""
