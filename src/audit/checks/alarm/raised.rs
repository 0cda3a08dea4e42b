//! When an alarm is raised: by one change, or without any.

use crate::audit::finding::Level;
use crate::aws::Alarm;

/// Whether one change raises the alarm, and nothing else does.
pub(super) fn raised(alarm: &Alarm, counts: f64, default: Option<f64>) -> (Level, String) {
    let Alarm { statistic, comparison, datapoints, .. } = alarm;
    let threshold = alarm.threshold.unwrap_or(f64::NAN);
    let is_over = |value: f64| match comparison.as_str() {
        "GreaterThanOrEqualToThreshold" => Some(value >= threshold),
        "GreaterThanThreshold" => Some(value > threshold),
        _ => None,
    };
    let rule = format!("{statistic} {comparison} {threshold}");
    let always = "it is raised all the time, with a change or without";
    // Where only changes are counted, every value is one's.
    let counted = match (statistic.as_str(), default) {
        ("Sum" | "Maximum", _) | ("Average" | "Minimum", None) => is_over(counts),
        ("SampleCount", None) => is_over(1.0),
        _ => None,
    };
    match counted {
        Some(true) => {}
        Some(false) => {
            return (Level::Fail, format!("one change does not raise it ({rule}, and a change counts {counts})"));
        }
        None => return (Level::Unknown, format!("whether one change raises it could not be judged ({rule})")),
    }
    if is_over(0.0) == Some(true) {
        return (Level::Fail, format!("{always} ({rule})"));
    }
    match default {
        Some(default) if is_over(default) == Some(true) => {
            return (Level::Fail, format!("{always} ({rule}, and where nothing changes {default} is counted, the filter's defaultValue)"));
        }
        Some(default) if default > 0.0 && statistic == "Sum" => {
            let seen =
                format!("whether it is raised without a change could not be judged (the filter's defaultValue {default} adds up; {rule})");
            return (Level::Unknown, seen);
        }
        Some(_) | None => {}
    }
    match (alarm.missing_data.as_deref(), default) {
        (Some("breaching"), None) => {
            (Level::Fail, format!("{always}: a period without a change counts as one with (TreatMissingData breaching)"))
        }
        (Some("breaching"), Some(_)) => {
            (Level::Warn, "it is raised without a change, too, while no event at all comes (TreatMissingData breaching)".to_owned())
        }
        (Some("ignore"), None) => {
            (Level::Warn, "one change raises it for good, and the next one tells nobody (TreatMissingData ignore)".to_owned())
        }
        _ if *datapoints > 1 => (Level::Warn, format!("it wants {datapoints} periods with a change, and may miss one alone")),
        _ => (Level::Pass, "one change raises it".to_owned()),
    }
}
