"""Everything that speaks HTTP. It asks the engine and reads the store; it decides nothing itself."""
