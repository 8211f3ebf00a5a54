"""Looking at all agreements: finding them, what is due, what may be said twice, and the public register."""
