"""Real MariaDB servers, and what moves databases from one to another."""
