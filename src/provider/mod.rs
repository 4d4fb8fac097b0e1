//! The remote conference systems: what each can do, how it is spoken to, and what its answers mean.
//!
//! A provider says what became of one request and nothing more: it reads no database, keeps no record and never
//! decides to try again later. It may renew a token that was just rejected, because that is part of one request.

pub mod meetecho;
