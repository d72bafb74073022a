//! Topologies from the outside: operators under the test driver, the runtime over the embedded broker.

mod runtime;
