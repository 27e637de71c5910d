"""Real MariaDB servers, and moving databases between them."""
