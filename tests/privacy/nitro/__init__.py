"""Evidence by hardware: recorded documents, and made ones."""
