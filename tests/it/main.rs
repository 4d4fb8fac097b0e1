//! Everything that needs more than one room of the house, as one test binary: one throwaway `PostgreSQL` serves all.

mod meetecho;
mod standin;
