//! The history simulator: the real worker, with everything around it replaced by twins in memory, plays random
//! histories of edits and faults in simulated time. Then nothing fails any more, and everything must come into step, and
//! stay so. After every effect the invariants of `judge` must hold.
//!
//! One seed is one history, and repeats exactly. A failing one is made as short as it gets, and told.

#![expect(clippy::print_stdout, reason = "it is a program, and this is its report")]

mod arguments;
mod books;
mod bugs;
mod by_hand;
mod crashes;
mod edges;
mod exchange;
mod far_side;
mod generate;
mod histories;
mod history;
mod in_step;
mod judge;
mod mutants;
mod play;
mod random;
mod requests;
mod shorten;
mod source;
mod words;
mod world;

use std::process::ExitCode;

use arguments::{Arguments, HELP};
use generate::Kind;

/// A quarter of the time would go by in the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) if arguments.help => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Ok(arguments) => arguments,
        Err(words) => {
            eprintln!("{words}");
            return ExitCode::from(64);
        }
    };
    // A panic is a verdict like any other, and is told with its history.
    std::panic::set_hook(Box::new(|_| {}));
    let kind = Kind { percent: arguments.faults, put: arguments.put, unsound: None };
    let all_well = if let Some(seed) = arguments.only {
        histories::one(seed, kind)
    } else if let Some(bug) = &arguments.bug {
        bugs::every_one(arguments.threads, Some(bug), arguments.seed)
    } else if arguments.histories_only {
        histories::many(&arguments, kind)
    } else {
        let parts = [
            histories::many(&arguments, kind),
            crashes::every_one(),
            bugs::every_one(arguments.threads, None, arguments.seed),
        ];
        parts.iter().all(|well| *well)
    };
    if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
