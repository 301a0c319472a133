"""The product's own database: inbox, rooms, consents, deliveries, catalogue, ledger."""
