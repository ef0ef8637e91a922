"""What pages draw of the rotas."""
