//! The life of one rotation: run after run, as `keyrotate rotate` does them, until it is over and nothing more can happen. Invariant:
//! what a run knows is what the disk and the model tell it; nothing is carried over in memory.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use keyrotate::holder::Reach;
use keyrotate::journal::{Entry, History};
use keyrotate::os::atomic_file;
use keyrotate::rotation::{self, Direction, End, Files, Observation, Record, Rules, State, Stop, drive, recall, resolve, take_up};

use super::begin::begin;
use super::files::SimDisk;
use super::iam::Who;
use super::invariants::{self, FORGOTTEN, HISTORY, JOURNAL};
use super::keychain::{self, SimKeychain};
use super::mutant::{Mutant, Mutated, timing};
use super::schedule::Schedule;
use super::secrets::SimSecrets;
use super::shared::{Locked, Shared};
use super::universe::{Escape, START, Universe};
use super::world::SimWorld;
use super::{ends, people, pull, strangers};

/// How one run ended.
#[derive(Debug)]
pub enum Ended {
    Closed(End),
    /// A machine that pulls has what the secret has.
    UpToDate,
    Stopped(Box<Stop>),
    /// It did not begin, or a file could not be read or written.
    Failed(String),
}

/// After this many runs nothing happens any more.
pub const EVENTFUL: u32 = 6;
/// The runs after which a person resolves what is left.
const PATIENCE: u32 = 12;
pub const HOUR: u64 = 3_600_000;

/// What came of a schedule.
pub struct Life {
    /// How each rotation ended, in a word each.
    pub end: String,
    pub violation: Option<String>,
    pub trace: Vec<String>,
}

/// Lives through a schedule, each machine on a thread of its own, of which one goes on at a time.
pub fn live(schedule: &Schedule, mutant: Option<Mutant>, traced: bool) -> Life {
    let shared = Arc::new(Shared::new(schedule, traced));
    let old = shared.iam.borrow_mut().make(Who::Others, 0, schedule.scene.long_ids);
    let second = schedule.scene.adopted.then(|| shared.iam.borrow_mut().make(Who::Others, 0, false));
    shared.now.set(START);
    let lead = |machine: usize| {
        shared.await_turn(machine);
        let universe = Rc::new(Universe::new(shared.clone(), machine, schedule.of(machine), mutant));
        if machine == 0 {
            strangers::move_in(&universe, &old);
        }
        people::move_in(&universe, &old, second.as_ref().filter(|_| machine == 0));
        keychain::move_in(&universe, &old);
        // What does not hold at the end of a run leaves from where it is.
        if let Err(escape) =
            catch_unwind(AssertUnwindSafe(|| if universe.role().pulls() { pull::pull(&universe) } else { rotate(&universe) }))
        {
            escaped(&universe, escape);
        }
        shared.leave(machine);
    };
    std::thread::scope(|scope| {
        let lead = &lead;
        (1..shared.machines).for_each(|machine| drop(scope.spawn(move || lead(machine))));
        lead(0);
    });
    let end = shared.ends.take().join(" and ");
    Life { end, violation: shared.violation.take(), trace: shared.trace.as_ref().map(Locked::take).unwrap_or_default() }
}

/// Run after run, until the machine's rotation is over.
fn rotate(universe: &Rc<Universe>) {
    let (mut last, mut number, mut same) = (None, 0, 0);
    while number <= PATIENCE + 4 {
        if number >= EVENTFUL || (number > 0 && universe.all_fired()) {
            universe.calm();
        }
        let decided = match number.checked_sub(PATIENCE) {
            None => universe.resolve.take(),
            Some(0) => Some(Direction::Forward),
            Some(2) => Some(Direction::Back),
            Some(4) => Some(Direction::Forget),
            Some(_) => None,
        };
        universe.say(|| format!("run {number}{}", decided.map_or_else(String::new, |to| format!(" --resolve {to:?}"))));
        let before = format!("{last:?}");
        last = go(universe, number, decided);
        if universe.violation.borrow().is_some() {
            return;
        }
        let is_over = matches!(last, Some(Ended::Closed(_))) || (universe.quiet.get() && number < PATIENCE && nothing_is_left(universe));
        if is_over {
            break;
        }
        universe.rest(gap(universe, number));
        same = if universe.quiet.get() && format!("{last:?}") == before { same + 1 } else { 0 };
        number = if same == 3 { PATIENCE.max(number + 1) } else { number + 1 };
    }
    over(universe, last.as_ref(), ends::check(universe, last.as_ref()));
}

/// The machine's life is over, and this is what held then.
pub fn over(universe: &Universe, last: Option<&Ended>, holds: Result<(), String>) {
    let end = match last {
        Some(Ended::Closed(end)) => format!("{end:?}").chars().take_while(char::is_ascii_alphanumeric).collect(),
        Some(Ended::UpToDate) => "up to date".to_owned(),
        Some(Ended::Stopped(_)) => "stopped".to_owned(),
        Some(Ended::Failed(_)) => "not begun".to_owned(),
        None => "crashed".to_owned(),
    };
    universe.ends.borrow_mut().push(end);
    if let Err(what) = holds {
        universe.say(|| format!("VIOLATED: {what}"));
        *universe.violation.borrow_mut() = Some(what);
    }
}

/// A run that does not begin and leaves no entry.
pub fn nothing_is_left(universe: &Universe) -> bool {
    universe.seen.borrow().record.is_none()
}

/// How long nothing is run, in ms.
pub fn gap(universe: &Universe, number: u32) -> u64 {
    if universe.quiet.get() {
        return if number.is_multiple_of(2) { 2 * HOUR } else { 6 * HOUR };
    }
    [1_000, 20_000, 130_000, HOUR / 3, 3 * HOUR, 48 * HOUR][universe.noise(9) as usize % 6]
}

/// One run; `None` if it crashed.
pub fn go(universe: &Rc<Universe>, number: u32, decided: Option<Direction>) -> Option<Ended> {
    let disk = SimDisk(universe.clone());
    let result = catch_unwind(AssertUnwindSafe(|| {
        let ended = run(universe, &disk, number, decided);
        universe.end_process();
        invariants::always(universe);
        ends::after_run(universe, &ended);
        ended
    }));
    universe.end_process();
    match result {
        Ok(ended) => {
            universe.say(|| format!("      {ended:?}"));
            Some(ended)
        }
        Err(escape) => {
            escaped(universe, escape);
            None
        }
    }
}

/// Control left the code under test in the middle.
fn escaped(universe: &Universe, escape: Box<dyn Any + Send>) {
    match escape.downcast::<Escape>().map(|escape| *escape) {
        Ok(Escape::Crash) => {
            universe.disk.borrow_mut().crash(universe.noise(10));
            people::after_crash(universe);
            universe.say(|| "      POWER FAILS".to_owned());
        }
        Ok(Escape::Kill | Escape::Violation) => {}
        Err(panic) => {
            let words = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            *universe.violation.borrow_mut() = Some(format!("panic: {}", words.unwrap_or_default()));
        }
    }
}

fn run(universe: &Rc<Universe>, disk: &SimDisk, number: u32, decided: Option<Direction>) -> Ended {
    universe.process.borrow_mut().has_code = universe.quiet.get() || number.is_multiple_of(2);
    let entries = Entry::sweep(disk, Path::new(JOURNAL)).and_then(|()| Entry::list(disk, Path::new(JOURNAL)));
    let paths = match entries {
        Ok(paths) => paths,
        Err(error) => return Ended::Failed(error.to_string()),
    };
    match (paths.first(), invariants::history(universe).pop()) {
        (Some(path), _) => resume(universe, disk, path, number, decided).unwrap_or_else(Ended::Failed),
        (None, _) if universe.role().pulls() => pull::begin(universe, disk, number).unwrap_or_else(Ended::Failed),
        (None, Some(line)) => Ended::Closed(line.end),
        (None, None) => begin(universe, disk, number).unwrap_or_else(Ended::Failed),
    }
}

fn resume(universe: &Rc<Universe>, disk: &SimDisk, path: &Path, number: u32, decided: Option<Direction>) -> Result<Ended, String> {
    let mut record: Record = Entry::load(disk, path).map_err(|error| error.to_string())?;
    if matches!(record.state, State::Intent { .. } | State::Suspect { .. }) {
        universe.ambiguous.set(true);
    }
    let (secrets, keychain) = (SimSecrets::asking(universe), SimKeychain(universe.clone()));
    match recall(&keychain, &mut record) {
        Err(error) if decided != Some(Direction::Forget) => return Err(error.to_string()),
        Err(_) | Ok(()) => {}
    }
    if let Some(direction) = decided {
        universe.decided_forward.set(universe.decided_forward.get() || direction == Direction::Forward);
        if direction == Direction::Forget {
            let kept = serde_json::to_vec(&*record.journalled()).map_err(|error| error.to_string())?;
            atomic_file::replace(disk, &PathBuf::from(format!("{FORGOTTEN}{}.json", record.id)), &kept).map_err(|e| e.to_string())?;
        }
        record = resolve(Reach { disk, secrets: &secrets, keychain: &keychain }, &record, direction)
            .map_err(|unresolved| format!("{unresolved:?}"))?;
    }
    let entry = take_up(disk, &keychain, path.to_owned(), &record).map_err(|error| error.to_string())?;
    let (clock, session) = (universe.clock(), universe.sight());
    let seen = Observation { now: Some(record.started_at), clock, entered: clock, resumed: true, session, ..Observation::default() };
    let rules = Rules { decided, ..rules(universe, &record, number) };
    Ok(finish(universe, disk, entry, record, seen, &rules))
}

/// What a run may do, by its number.
pub fn rules(universe: &Universe, record: &Record, number: u32) -> Rules {
    let scene = &universe.schedule.scene;
    let suspect = match &record.state {
        State::Suspect { key, .. } if scene.trusting && number % 2 == 1 => Some(key.clone()),
        _ => None,
    };
    universe.process.borrow_mut().permitted.clone_from(&suspect);
    Rules {
        timing: timing(universe.mutant),
        attended: scene.attended && number.is_multiple_of(2),
        delete_key: suspect,
        place_needed: universe.quiet.get() || number % 2 == 1,
        has_device: false,
        decided: None,
    }
}

/// Goes on with a rotation whose entry is on the disk.
pub fn finish(
    universe: &Rc<Universe>,
    disk: &SimDisk,
    entry: Entry<'_>,
    mut record: Record,
    mut seen: Observation,
    rules: &Rules,
) -> Ended {
    let (secrets, keychain) = (SimSecrets::new(universe), SimKeychain(universe.clone()));
    let files = Files {
        reach: Reach { disk, secrets: &secrets, keychain: &keychain },
        entry: Some(entry),
        history: History::new(disk, HISTORY.into()),
        command: "rotate",
        kept: None,
    };
    let world = SimWorld { universe: universe.clone(), files };
    let mut world = Mutated { world, universe, mutant: universe.mutant };
    match drive(&mut record, &mut seen, rules, &mut world) {
        rotation::Ended::Closed { end, .. } => Ended::Closed(end),
        rotation::Ended::Stopped(stop) => Ended::Stopped(Box::new(stop)),
    }
}
