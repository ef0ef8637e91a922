"""What is done to bring a release out: steps from the playbook, run by hand or by an adapter."""
