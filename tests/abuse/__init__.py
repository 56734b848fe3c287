"""What somebody would try who wishes the server ill: each attack against a real process, from outside."""
