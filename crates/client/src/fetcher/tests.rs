//! Tables: what is asked of whom, and what the answers lead to.
