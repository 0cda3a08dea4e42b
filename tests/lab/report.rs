//! The credential report: made in the background, kept for four hours, one row for each user and one for root. Invariant: a report once made
//! does not change, whatever happens in the account.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::iam::iso;
use super::key::{Key, Status};
use super::serve::Refusal;
use super::state::{User, World};
use super::xml::text;

const COLUMNS: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,\
                       mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,\
                       access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,\
                       access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,\
                       cert_2_last_rotated";
const FRESH: f64 = 4.0 * 3_600.0;

/// How far the report is.
#[derive(Clone, Debug, Default)]
pub enum Report {
    #[default]
    None,
    /// It says INPROGRESS so many times more.
    Growing(usize),
    /// A test makes it older by `made_at`.
    Made { made_at: f64, csv: String },
}

/// The inner XML of the result; none for an action that is not about the report.
pub fn answer(world: &mut World, action: &str) -> Option<Result<String, Refusal>> {
    Some(match action {
        "GenerateCredentialReport" => Ok(generate(world)),
        "GetCredentialReport" => get(world),
        _ => return None,
    })
}

fn generate(world: &mut World) -> String {
    let is_there = match &world.report {
        Report::Made { made_at, .. } => world.now() - made_at < FRESH,
        Report::Growing(_) => true,
        Report::None => false,
    };
    if !is_there {
        world.report = Report::Growing(world.settings.report_waits);
        return text("State", "STARTED") + &text("Description", "No report exists. Starting a new report generation task");
    }
    text("State", if is_growing(world) { "INPROGRESS" } else { "COMPLETE" })
}

/// Whether it is not made yet; each look brings it nearer.
fn is_growing(world: &mut World) -> bool {
    match &mut world.report {
        Report::Growing(0) => {
            world.report = Report::Made { made_at: world.now(), csv: csv(world) };
            false
        }
        Report::Growing(left) => {
            *left -= 1;
            true
        }
        Report::None | Report::Made { .. } => false,
    }
}

fn get(world: &mut World) -> Result<String, Refusal> {
    if is_growing(world) {
        return Err(Refusal::new(404, "ReportInProgress", "Report is being generated"));
    }
    match &world.report {
        Report::Made { made_at, csv } if world.now() - made_at < FRESH => {
            let content = text("Content", &STANDARD.encode(csv));
            Ok(content + &text("ReportFormat", "text/csv") + &text("GeneratedTime", &iso(*made_at)))
        }
        Report::None => Err(Refusal::new(410, "ReportNotPresent", "No report exists. Call GenerateCredentialReport first")),
        Report::Growing(_) | Report::Made { .. } => {
            Err(Refusal::new(410, "ReportExpired", "The report has expired. Call GenerateCredentialReport to generate a new one"))
        }
    }
}

fn csv(world: &World) -> String {
    let users = world.users.iter().enumerate().filter(|(_, user)| !user.root && !user.deleted);
    let rows = users.map(|(at, user)| [identity(world, &user.name, &world.arn(at)), password(user), rest(world, Some(at))].concat());
    let lines = [root(world)].into_iter().chain(rows).map(|row| row.join(","));
    [COLUMNS.to_owned()].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}

fn identity(world: &World, name: &str, arn: &str) -> Vec<String> {
    vec![name.to_owned(), arn.to_owned(), date(world.now() - 1e7)]
}

fn password(user: &User) -> Vec<String> {
    let Some(password) = user.password else { return ["false", "N/A", "N/A", "N/A"].map(str::to_owned).to_vec() };
    let last_used = password.last_used.map_or_else(|| "no_information".to_owned(), date);
    vec!["true".to_owned(), last_used, date(password.changed_at), "N/A".to_owned()]
}

/// From `mfa_active` on.
fn rest(world: &World, user: Option<usize>) -> Vec<String> {
    let keys = user.map(|user| world.live_keys(user)).unwrap_or_default();
    let mfa = user.is_some_and(|user| !world.users[user].serials.is_empty());
    let certificates = ["false", "N/A", "false", "N/A"].map(str::to_owned);
    [vec![mfa.to_string()], key(world, keys.first()), key(world, keys.get(1)), certificates.to_vec()].concat()
}

fn key(world: &World, key: Option<&Key>) -> Vec<String> {
    let used = key.and_then(|key| world.seen_use(key));
    let or_none = |value: Option<String>| value.unwrap_or_else(|| "N/A".to_owned());
    vec![
        key.is_some_and(|key| key.status == Status::Active).to_string(),
        or_none(key.map(|key| date(key.created_at))),
        or_none(used.map(|used| date(used.at))),
        or_none(used.map(|used| used.region.clone())),
        or_none(used.map(|used| used.service.clone())),
    ]
}

/// Root's row: as the root user of the lab is, and then as it is set.
fn root(world: &World) -> Vec<String> {
    let arn = format!("arn:{}:iam::{}:root", world.settings.partition, world.settings.account);
    let password = ["not_supported", "no_information", "not_supported", "not_supported"].map(str::to_owned).to_vec();
    let row = [identity(world, "<root_account>", &arn), password, rest(world, world.root())].concat();
    let mut row: BTreeMap<&str, String> = COLUMNS.split(',').zip(row).collect();
    row.insert("mfa_active", world.root_mfa().to_string());
    for (column, value) in &world.settings.root_row {
        *row.get_mut(column.as_str()).unwrap_or_else(|| panic!("the report has no column {column}")) = value.clone();
    }
    COLUMNS.split(',').map(|column| row[column].clone()).collect()
}

/// An instant as the report has it.
fn date(at: f64) -> String {
    iso(at).replace('Z', "+00:00")
}
