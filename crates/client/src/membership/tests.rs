//! Tables, and members against a small model of a coordinator.
