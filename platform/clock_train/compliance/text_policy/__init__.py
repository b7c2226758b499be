"""What a server lets its voices say: deny lists, impersonation, floods of one text, and a firm's own judge."""
