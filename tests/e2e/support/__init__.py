"""What the end-to-end tests share: processes, clusters, clients, and the oracle of the flights board."""
