"""What several ops share and none of them is: no op lives here."""
