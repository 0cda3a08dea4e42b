//! What happens to keys, files, disks and machines.

use keyrotate::rotation::Direction;

use crate::simulation::events::{Edit, Event, Fault, Op, Side, Trouble, What, When, Whom};
use crate::simulation::rng::Rng;

/// One event, of this kind of schedule.
pub fn event(rng: &mut Rng, theme: u64) -> Event {
    let calls = [Op::List, Op::Identity, Op::LastUsed, Op::Create, Op::Create, Op::Update, Op::Delete];
    let all =
        [Op::List, Op::Identity, Op::Create, Op::Update, Op::Delete, Op::Read, Op::Prepare, Op::Write, Op::Release, Op::Wait, Op::Close];
    let whom = if rng.percent(50) { Whom::Old } else { Whom::New };
    // A quarter of the schedules each is about files, about keys, about power, and about everything.
    let die = match theme {
        0 => rng.pick(&[0, 82, 82, 82, 90, 55]),
        1 => rng.pick(&[0, 34, 40, 64, 64, 69, 69, 74, 77, 96, 96]),
        2 => rng.pick(&[0, 0, 0, 30, 55, 96]),
        _ => rng.below(100),
    };
    let what = match die {
        0..=29 => rng.pick(&[What::Crash, What::Crash, What::Kill]),
        30..=33 => What::Signal,
        34..=39 => What::Sleep(rng.pick(&[20, 130, 1_000, 4_000, 200_000])),
        40..=54 => {
            let fault = rng.pick(&[
                Fault::LostBefore,
                Fault::LostAfter,
                Fault::LostAfter,
                Fault::Throttled,
                Fault::ServerBefore,
                Fault::ServerAfter,
                Fault::Denied,
            ]);
            let nth = rng.below(3) as u32;
            return Event { when: When::Op(rng.pick(&calls), nth), what: What::Call(fault) };
        }
        55..=63 => {
            let side = if rng.percent(50) { Side::Home } else { Side::State };
            let trouble = rng.pick(&[Trouble::Full, Trouble::ReadOnly, Trouble::SyncFails, Trouble::DirectorySyncFails]);
            What::Disk(side, trouble, rng.pick(&[1, 5, 40, 1_000]))
        }
        64..=68 => What::AdminDeletes(whom),
        69..=73 => What::AdminDeactivates(whom),
        74..=76 => What::AdminActivates(whom),
        77..=79 if rng.percent(50) => return Event { when: When::Op(Op::Create, 0), what: What::MachineCreates },
        77..=79 => What::MachineCreates,
        80..=81 => What::Used(whom),
        82..=95 => {
            use Edit::{ForeignPair, NoteByRename, NoteInPlace, Open, PutBack, Remove, Restore, SaveByRename, SaveInPlace};
            let edit =
                rng.pick(&[NoteInPlace, NoteByRename, Open, SaveInPlace, SaveByRename, Restore, Restore, Remove, PutBack, ForeignPair]);
            What::Edits(u8::from(rng.percent(25)), edit)
        }
        _ => What::Resolve(rng.pick(&[Direction::Forward, Direction::Back, Direction::Back, Direction::Forget])),
    };
    // Around the writing of the files, or anywhere.
    let beats = if theme == 0 && rng.percent(70) { 50..110 } else { 0..320 };
    let when = if rng.percent(60) {
        When::Beat(rng.below(beats.end - beats.start) as u32 + beats.start as u32)
    } else {
        When::Op(rng.pick(&all), rng.below(4) as u32)
    };
    Event { when, what }
}

/// What often follows an event.
pub fn sequel(rng: &mut Rng, first: What) -> Option<What> {
    match first {
        What::Crash | What::Kill if rng.percent(25) => Some(What::Crash),
        What::Edits(file, Edit::Open) => Some(What::Edits(file, rng.pick(&[Edit::SaveInPlace, Edit::SaveInPlace, Edit::SaveByRename]))),
        What::Edits(file, Edit::Remove) if rng.percent(60) => Some(What::Edits(file, Edit::PutBack)),
        What::Edits(_, Edit::ForeignPair) if rng.percent(50) => Some(What::Resolve(rng.pick(&[Direction::Forward, Direction::Back]))),
        What::Edits(..) if rng.percent(30) => Some(What::Crash),
        What::AdminDeletes(Whom::Old) | What::AdminDeactivates(Whom::Old) if rng.percent(50) => Some(What::Resolve(Direction::Back)),
        What::AdminDeactivates(whom) if rng.percent(30) => Some(What::AdminActivates(whom)),
        What::Resolve(_) if rng.percent(60) => Some(What::Crash),
        What::Disk(..) if rng.percent(30) => Some(What::Crash),
        _ => None,
    }
}
