"""What demos are made of: report for all of them, the others for one or two each."""
