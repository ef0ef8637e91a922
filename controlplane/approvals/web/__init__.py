"""Pages and forms about one request, outside the admin's own."""
