"""From plan files to a policy, or to the list of everything that is wrong with them."""
