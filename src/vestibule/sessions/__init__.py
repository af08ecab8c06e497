"""Global sessions and grants: how long they last, where they are kept, what ends them."""
