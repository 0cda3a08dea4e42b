//! Where it goes, and what a trail lacks for that.

use super::*;

#[test]
fn the_first_trail_that_will_do_is_taken_and_each_other_has_its_reason() {
    type Row = (fn(&mut TrailSight), Via, Option<Unfit>);
    let table: [Row; 10] = [
        (|_| {}, Via::Metric, None),
        (|one| one.trail.has_global_events = false, Via::Metric, Some(Unfit::NoGlobalEvents)),
        (|one| one.status = Ok(TrailStatus { is_logging: false, log_group_error: None }), Via::Metric, Some(Unfit::Off)),
        (|one| one.selectors = Ok(EventSelectors::default()), Via::EventBridge, Some(Unfit::LeavesOut)),
        (|one| one.trail.log_group_arn = None, Via::Metric, Some(Unfit::NoLogGroup)),
        (|one| one.trail.log_group_arn = None, Via::EventBridge, None),
        (
            |one| {
                one.trail.arn = one.trail.arn.replace("111122223333", "999999999999");
                (one.trail.is_of_organization, one.trail.log_group_arn) = (true, None);
            },
            Via::Metric,
            Some(Unfit::OthersTrail("999999999999".to_owned())),
        ),
        (
            |one| {
                let field = |field: &str| FieldSelector { field: field.to_owned(), ..FieldSelector::default() };
                let advanced = vec![vec![field("eventCategory"), field("userIdentity.arn")]];
                one.selectors = Ok(EventSelectors { advanced, ..EventSelectors::default() });
            },
            Via::Metric,
            Some(Unfit::Unclear),
        ),
        (
            |one| one.trail.log_group_arn = Some(GROUP.replace("111122223333", "999999999999")),
            Via::Metric,
            Some(Unfit::OtherAccount("999999999999".to_owned())),
        ),
        (
            |one| one.status = Ok(TrailStatus { is_logging: true, log_group_error: Some("denied".to_owned()) }),
            Via::Metric,
            Some(Unfit::NotDelivered("denied".to_owned())),
        ),
    ];
    for (change, via, unfit) in table {
        let only = place(&sight(vec![trail("main", change)]), "aws", via, None);
        match &unfit {
            None => assert_eq!(only.map(|place| place.trail).ok(), Some("main".to_owned())),
            Some(why) => {
                let Err(error) = only else { panic!("{why}: it was taken") };
                assert!(matches!(&error, Obstacle::NoneFits(all) if all.len() == 1 && all[0].why == *why), "{error}");
                assert!(error.hint(&work()).starts_with("main: "), "{}", error.hint(&work()));
                let second =
                    place(&sight(vec![trail("main", change), trail("other", |_| {})]), "aws", via, None).expect("the other will do");
                assert_eq!(second.trail, "other");
                assert!(place(&sight(vec![trail("main", change), trail("other", |_| {})]), "aws", via, Some("main")).is_err());
            }
        }
    }
}

fn work() -> ProfileName {
    ProfileName::new("my work")
}

#[test]
fn a_trail_of_all_regions_is_better_than_one_of_a_single_region() {
    let single = trail("single", |one| (one.trail.is_multi_region, one.trail.home_region) = (false, "us-east-1".to_owned()));
    let both = sight(vec![single.clone(), trail("main", |one| one.trail.is_of_organization = true)]);
    for via in [Via::Metric, Via::EventBridge] {
        assert_eq!(place(&both, "aws", via, None).expect("a place").trail, "main");
        assert_eq!(place(&both, "aws", via, Some("single")).expect("a place").trail, "single", "it was named");
        assert_eq!(place(&sight(vec![single.clone()]), "aws", via, None).expect("a place").trail, "single", "better than none");
    }
}

#[test]
fn each_trail_that_will_not_do_has_its_own_command() {
    let off = |one: &mut TrailSight| one.status = Ok(TrailStatus { is_logging: false, log_group_error: None });
    let of_others = |one: &mut TrailSight| {
        one.trail.arn = one.trail.arn.replace("111122223333", "999999999999");
        one.trail.has_global_events = false;
    };
    let group_less = |one: &mut TrailSight| one.trail.log_group_arn = None;
    let all = sight(vec![trail("off", off), trail("theirs", of_others), trail("bare", group_less)]);
    let hint = place(&all, "aws", Via::Metric, None).expect_err("none will do").hint(&work());
    let lines: Vec<&str> = hint.lines().collect();
    assert_eq!(
        lines[0],
        "off: `aws cloudtrail start-logging --region eu-west-1 --name arn:aws:cloudtrail:eu-west-1:111122223333:trail/off`"
    );
    assert!(lines[1].starts_with("theirs: only account 999999999999 can change it"), "{hint}");
    assert!(lines[2].contains("--name arn:aws:cloudtrail:eu-west-1:111122223333:trail/bare --cloud-watch-logs-log-group-arn"), "{hint}");
    assert!(lines.len() == 4 && lines[3].contains("--via eventbridge"), "{hint}");
}

#[test]
fn a_trail_of_another_region_is_named_where_it_is_known() {
    let home = TrailHome {
        name: "main".to_owned(),
        arn: "arn:aws:cloudtrail:eu-west-1:111122223333:trail/main".to_owned(),
        home_region: "eu-west-1".to_owned(),
    };
    let made = "`keyrotate alarm plan 'my work' --create-trail`";
    let update = format!("main: `aws cloudtrail update-trail --region eu-west-1 --name {} --is-multi-region-trail", home.arn);
    let nowhere = || place(&sight(Vec::new()), "aws", Via::Metric, None).expect_err("there is none");
    let told = |obstacle: Obstacle| (obstacle.to_string(), obstacle.hint(&work()));

    let (unknown, hint) = told(nowhere());
    assert!(
        unknown.starts_with("no trail records in us-east-1") && hint.contains(made) && hint.contains("cloudtrail:ListTrails"),
        "{hint}"
    );
    let (none, hint) = told(nowhere().among(Vec::new()));
    assert!(none.starts_with("account 111122223333 has no trail") && hint.starts_with(made) && !hint.contains("update-trail"), "{hint}");
    let (elsewhere, hint) = told(nowhere().among(vec![home.clone()]));
    assert!(elsewhere.ends_with("main records in eu-west-1 only") && hint.starts_with(&update) && hint.contains(made), "{hint}");

    let named = |name| place(&sight(vec![trail("other", |_| {})]), "aws", Via::Metric, Some(name)).expect_err("it is not there");
    assert_eq!(named("main").to_string(), "no trail main records in us-east-1, where the events of IAM are");
    for name in ["main", home.arn.as_str()] {
        let (there, hint) = told(named(name).among(vec![home.clone()]));
        assert_eq!(there, "the trail main records in eu-west-1 only, and the events of IAM are in us-east-1");
        assert!(hint.starts_with(&update), "{hint}");
    }
    assert_eq!(named("third").among(vec![home]).to_string(), "there is no trail third");
}

#[test]
fn the_alarm_is_where_its_log_group_is_and_the_rule_where_the_events_of_iam_are() {
    let account = sight(vec![trail("main", |_| {})]);
    let metric = place(&account, "aws", Via::Metric, None).expect("a place");
    assert_eq!((metric.region.as_str(), metric.log_group.as_deref()), ("eu-west-1", Some("trail")));
    assert_eq!(metric.topic(), TOPIC_ARN);
    let rule = place(&account, "aws", Via::EventBridge, None).expect("a place");
    assert_eq!((rule.region.as_str(), rule.log_group), ("us-east-1", None));
}

#[test]
fn a_script_has_the_profile_account_and_region_and_ends_at_the_first_command_that_fails() {
    let script = trail_script(&work(), "aws-cn", "111122223333", "cn-north-1");
    let (head, rest) = script.split_once("\nset -eu\n").expect("a first command");
    assert!(head.contains("keyrotate alarm plan 'my work' --create-trail > trail.sh"), "{head}");
    assert!(head.lines().all(|line| line.starts_with('#')) && rest.starts_with("export AWS_PROFILE='my work' "), "{script}");
    assert!(script.contains("LocationConstraint=cn-north-1"), "{script}");
    assert!(!trail_script(&work(), "aws", "1", "us-east-1").contains("LocationConstraint"));
    assert!(!script.contains("arn:aws:"), "{script}");
    for line in script.lines().filter(|line| line.starts_with("aws ")) {
        assert_eq!(line.matches('\'').count() % 2, 0, "{line}");
    }
    let told = std::process::Command::new("sh").args(["-c", script.lines().last().unwrap()]).output().expect("a shell");
    assert!(String::from_utf8_lossy(&told.stdout).ends_with("keyrotate alarm install 'my work' --email …\n"), "{told:?}");
    assert!(MADE_BY.ends_with('.'));
}
