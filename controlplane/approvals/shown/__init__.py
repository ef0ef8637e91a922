"""What pages say about approvals: words, clocks, the packet as people read it."""
