"""The methods, which compute crop boxes or new pixels for another aspect ratio."""
