"""Data contracts: what data means."""
