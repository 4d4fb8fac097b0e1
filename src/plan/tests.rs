//! The planner as a whole, sentence by sentence of what it promises.

mod beside;
mod decks;
mod explain;
mod forsaken;
mod guards;
mod laws;
mod left_over;
mod links;
mod rooms;
mod text;
mod unread;
mod unsent;
