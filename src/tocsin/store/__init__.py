"""The only SQL. Every function takes an open transaction; nothing here decides or sends."""
