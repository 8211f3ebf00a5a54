"""What each act does to the register: the rules that the fold applies, a file for each kind of object."""
