//! What patterns people write, and what each hears of.

use proptest::prelude::*;
use proptest::sample::subsequence;

use super::truth::like;
use super::*;

fn all_but(left_out: &[&'static str]) -> Hears {
    Hears::NotOf(left_out.to_vec())
}

/// The names joined as a pattern, without braces.
fn names(names: &[&str]) -> String {
    names.iter().map(|name| format!("($.eventName = {name})")).collect::<Vec<_>>().join(" || ")
}

#[test]
fn the_pattern_of_cis_is_read_as_all_of_them() {
    let pattern = cis_pattern();
    assert!(pattern.starts_with("{($.eventName=DeleteGroupPolicy)||($.eventName=DeleteRolePolicy)||"), "{pattern}");
    assert!(pattern.ends_with("||($.eventName=DetachGroupPolicy)}") && pattern.len() < 1024, "{pattern}");
    assert_eq!(filter_pattern(&pattern), Hears::All);
}

#[test]
fn a_filter_is_judged_by_the_events_that_it_counts() {
    let all = names(&POLICY_EVENTS);
    let iam = "($.eventSource = iam.amazonaws.com)";
    let unauthorized = [
        "{ ($.errorCode = \"*UnauthorizedOperation\") || ($.errorCode = \"AccessDenied*\")",
        "($.sourceIPAddress!=\"delivery.logs.amazonaws.com\")",
        "($.eventName!=\"HeadBucket\") }",
    ];
    for (pattern, wanted) in [
        (format!("{{ {iam} && ({all}) }}"), Hears::All),
        (format!("{{ ({all}) && ($.eventSource = \"iam.amazonaws.com\") }}"), Hears::All),
        (format!("{{ {all} || ($.eventName = CreateAccessKey) || ($.errorCode = \"*Denied*\") }}"), Hears::All),
        // What only reads raises the alarm, too.
        (format!("{{ {iam} }}"), Hears::AllAndReads),
        ("{ $.eventName = \"*Policy*\" }".into(), Hears::AllAndReads),
        (format!("{{ {iam} && ($.eventName != Create*) }}"), all_but(&["CreatePolicy", "CreatePolicyVersion"])),
        // CIS's filter for calls that are not allowed, as CIS has it: nearly every event.
        (unauthorized.join(" || "), Hears::Everything),
        ("{ $.eventName = * }".into(), Hears::Everything),
        ("{ $.eventName EXISTS }".into(), Hears::Everything),
        ("{ $.eventName != \"HeadBucket\" }".into(), Hears::Everything),
        ("{ $.eventSource != s3.amazonaws.com }".into(), Hears::Everything),
        (format!("{{ {all} || ($.eventSource = *) }}"), Hears::Everything),
        // A longer name is another event.
        (format!("{{ {} }}", all.replace("= CreatePolicy)", "= CreatePolicyVersion)")), all_but(&["CreatePolicy"])),
        (format!("{{ {} }}", names(&POLICY_EVENTS[..15])), all_but(&["DetachGroupPolicy"])),
        (format!("{{ ({all}) && ($.eventName != PutUserPolicy) }}"), all_but(&["PutUserPolicy"])),
        (format!("{{ ({all}) && ($.eventName != Put*) }}"), all_but(&["PutGroupPolicy", "PutRolePolicy", "PutUserPolicy"])),
        // Without parentheses the last && is about the last name only.
        (format!("{{ {all} && ($.eventSource = s3.amazonaws.com) }}"), all_but(&["DetachGroupPolicy"])),
        // What every change has that AWS made.
        (format!("{{ ({all}) && ($.errorCode NOT EXISTS) }}"), Hears::All),
        (format!("{{ ({all}) && ($.errorCode NOT EXISTS || $.errorCode EXISTS) }}"), Hears::All),
        (format!("{{ {iam} && $.readOnly IS FALSE && $.managementEvent IS TRUE }}"), Hears::All),
        (format!("{{ {iam} && $.readOnly IS TRUE }}"), Hears::Nothing),
        (format!("{{ ({all}) && $.eventType != \"AwsServiceEvent\" && $.eventCategory = Management }}"), Hears::All),
        (format!("{{ ({all}) && ($.errorCode EXISTS) }}"), Hears::Nothing),
        (format!("{{ ({all}) && ($.errorCode = \"AccessDenied\") }}"), Hears::Nothing),
        (format!("{{ ({all}) && ($.errorCode != \"AccessDenied\") }}"), Hears::Unclear),
        (format!("{{ ({all}) && ($.readOnly = false) }}"), Hears::Unclear),
        (format!("{{ ({all}) && ($.readOnly IS NULL) }}"), Hears::Unclear),
        // More than is known of an event.
        (format!("{{ ({all}) && ($.userIdentity.arn != \"arn:aws:iam::*:role/ci\") }}"), Hears::Unclear),
        (format!("{{ ({all}) && ($.awsRegion = us-east-1) }}"), Hears::Unclear),
        ("{ $.eventName = %Policy% }".into(), Hears::Unclear),
        (format!("{{ ({all} }}"), Hears::Unclear),
        ("?CreatePolicy ?DeletePolicy".into(), Hears::Unclear),
        (format!("{{ ({all}) && ({iam} && ($.a = \"\\\"\")) }}"), Hears::Unclear),
        // About something else.
        (
            format!("{{ ({}) && {} }}", unauthorized[0].trim_start_matches("{ "), unauthorized[1..].join(" && ").trim_end_matches(" }")),
            Hears::Nothing,
        ),
        ("{ ($.errorCode = \"AccessDenied*\") && ($.eventName = *) }".into(), Hears::Nothing),
        ("{ $.eventName = %Login% }".into(), Hears::Nothing),
        ("{ $.eventName != %Policy% }".into(), Hears::Nothing),
        (format!("{{ ($.eventSource = kms.amazonaws.com) && ({all}) }}"), Hears::Nothing),
        (String::new(), Hears::Nothing),
        ("ERROR".into(), Hears::Nothing),
        ("[ip, user, ...]".into(), Hears::Nothing),
        ("{ ($.eventName = ConsoleLogin) && ($.additionalEventData.MFAUsed != \"Yes\") }".into(), Hears::Nothing),
        (
            "{ $.userIdentity.type = \"Root\" && $.userIdentity.invokedBy NOT EXISTS && $.eventType != \"AwsServiceEvent\" }".into(),
            Hears::Nothing,
        ),
        ("{ ($.errorCode = \"*UnauthorizedOperation\") || ($.errorCode = \"AccessDenied*\") }".into(), Hears::Nothing),
        ("{ $.latency > 100 && $.ok IS FALSE }".into(), Hears::Nothing),
    ] {
        assert_eq!(filter_pattern(&pattern), wanted, "{pattern}");
    }
    let deep = format!("{{ {}$.eventName = CreatePolicy{} }}", "(".repeat(5_000), ")".repeat(5_000));
    assert_eq!(filter_pattern(&deep), Hears::Unclear);
}

#[test]
fn only_a_filter_of_the_names_can_be_put_again_without_loss() {
    let all = names(&POLICY_EVENTS);
    for (pattern, is_only) in [
        (cis_pattern(), true),
        (format!("{{ ($.eventSource = iam.amazonaws.com) && ({}) }}", names(&POLICY_EVENTS[..3])), true),
        (format!("{{ {all} || ($.eventName = CreateAccessKey) }}"), false),
        (format!("{{ ({all}) && ($.errorCode NOT EXISTS) }}"), false),
        ("{ $.eventName = Delete* }".into(), false),
        (format!("{{ {all} || ($.eventSource = kms.amazonaws.com) }}"), false),
        ("ERROR CreatePolicy".into(), false),
    ] {
        assert_eq!(is_only_policy_events(&pattern), is_only, "{pattern}");
    }
}

#[test]
fn a_rule_is_judged_by_the_events_that_it_matches() {
    let list = serde_json::to_string(&POLICY_EVENTS).unwrap();
    let of = |detail: &str| {
        format!(
            r#"{{"source":["aws.iam"],"detail-type":["AWS API Call via CloudTrail"],"detail":{{"eventSource":["iam.amazonaws.com"]{detail}}}}}"#
        )
    };
    for (pattern, wanted) in [
        (of(&format!(r#","eventName":{list}"#)), Hears::All),
        (of(""), Hears::All),
        (r#"{"source":["aws.iam"]}"#.into(), Hears::All),
        (r#"{"source":[{"prefix":"aws.i"}]}"#.into(), Hears::All),
        (format!(r#"{{"source":[{{"prefix":"aws."}}],"detail":{{"eventName":{list}}}}}"#), Hears::All),
        (r#"{"$or":[{"source":["aws.iam"]},{"source":["aws.kms"]}]}"#.into(), Hears::All),
        (r#"{"$or":[{"source":["aws.iam"]},{"account":["111122223333"]}]}"#.into(), Hears::Everything),
        (of(r#","eventName":[{"wildcard":"*Policy*"}]"#), Hears::All),
        (of(r#","eventName":[{"suffix":"Policy"},"CreatePolicyVersion","DeletePolicyVersion"]"#), Hears::All),
        (of(r#","eventName":[{"anything-but":["CreateUser"]}]"#), Hears::All),
        (of(r#","eventName":[{"anything-but":{"prefix":"Put"}}]"#), all_but(&["PutGroupPolicy", "PutRolePolicy", "PutUserPolicy"])),
        (of(r#","$or":[{"eventName":[{"suffix":"Policy"}]},{"eventName":[{"suffix":"PolicyVersion"}]}]"#), Hears::All),
        (of(&format!(r#","eventName":{}"#, list.replace("\"CreatePolicy\",", ""))), all_but(&["CreatePolicy"])),
        (of(&format!(r#","eventName":{list},"errorCode":[{{"exists":false}}]"#)), Hears::All),
        (of(&format!(r#","eventName":{list},"errorCode":[{{"exists":true}}]"#)), Hears::Nothing),
        (of(&format!(r#","eventName":{list},"errorCode":["AccessDenied"]"#)), Hears::Nothing),
        (of(&format!(r#","eventName":{list},"errorCode":[{{"anything-but":"AccessDenied"}}]"#)), Hears::Nothing),
        (of(&format!(r#","eventName":{list},"errorCode":["AccessDenied",{{"exists":false}}]"#)), Hears::All),
        (
            of(r#","readOnly":[false],"managementEvent":[true],"eventType":["AwsApiCall"],"recipientAccountId":["111122223333"]"#),
            Hears::All,
        ),
        (of(r#","readOnly":[{"exists":true}]"#), Hears::All),
        (of(r#","readOnly":["false"]"#), Hears::Nothing),
        (of(r#","readOnly":[{"anything-but":[true]}]"#), Hears::Unclear),
        (of(r#","recipientAccountId":["444455556666"]"#), Hears::Nothing),
        (of(r#","eventName":[{"anything-but":{"prefix":["Get","List"]}}]"#), Hears::All),
        (of(r#","eventName":[{"anything-but":{"wildcard":["Get*","*User"]}}]"#), Hears::All),
        (of(r#","eventName":[{"anything-but":{"equals-ignore-case":["createpolicy"]}}]"#), all_but(&["CreatePolicy"])),
        (of(r#","eventName":[{"anything-but":{"prefix":["Get","Put"]}}]"#), all_but(&["PutGroupPolicy", "PutRolePolicy", "PutUserPolicy"])),
        (of(r#","eventName":[{"suffix":{"equals-ignore-case":"POLICY"}},{"suffix":"Version"}]"#), Hears::All),
        (of(r#","eventName":[{"numeric":["=",1]}]"#), Hears::Unclear),
        (of(&format!(r#","eventName":{list},"userIdentity":{{"type":["Root"]}}"#)), Hears::Unclear),
        (r#"{"source":["aws.ec2"]}"#.into(), Hears::Nothing),
        (r#"{"source":["aws.iam"],"account":["444455556666"]}"#.into(), Hears::Nothing),
        (r#"{"source":["aws.iam"],"detail-type":["AWS Console Sign In via CloudTrail"]}"#.into(), Hears::Nothing),
        (r#"{"detail":{"userIdentity":{"type":["Root"]}}}"#.into(), Hears::Nothing),
        // Of everything, and of policies in no way.
        (r#"{"account":["111122223333"],"region":["us-east-1"]}"#.into(), Hears::Nothing),
        (r#"{"source":[{"prefix":"aws."}]}"#.into(), Hears::Nothing),
        (r#"{"source":[{"anything-but":"aws.ec2"}]}"#.into(), Hears::Nothing),
        (r#"{"detail":{"eventName":[{"exists":true}]}}"#.into(), Hears::Nothing),
        ("no JSON".into(), Hears::Nothing),
    ] {
        assert_eq!(event_pattern(&pattern, "111122223333", "us-east-1"), wanted, "{pattern}");
    }
}

#[test]
fn a_star_stands_for_any_characters() {
    for (pattern, text, is_like) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("*", "", true),
        ("a*", "a", true),
        ("*b*", "abc", true),
        ("a*a", "a", false),
        ("*Policy", "CreatePolicyVersion", false),
        ("C*Pol*Ver*", "CreatePolicyVersion", true),
    ] {
        assert_eq!(like(pattern, text), is_like, "{pattern} {text}");
    }
}

proptest! {
    /// Whatever the order, the spaces, the quotes and the parentheses, what is left out is what is missed.
    #[test]
    fn a_pattern_is_the_set_of_its_names(
        some in subsequence(POLICY_EVENTS.to_vec(), 1..=16).prop_shuffle(),
        styles in proptest::collection::vec((0..3_usize, any::<bool>(), 0..3_usize), 16),
    ) {
        let space = |width: usize| " ".repeat(width);
        let parts: Vec<String> = some.iter().zip(&styles).map(|(name, (width, is_quoted, parentheses))| {
            let value = if *is_quoted { format!("\"{name}\"") } else { (*name).to_owned() };
            let gap = space(*width);
            format!("{}$.eventName{gap}={gap}{value}{gap}{}", "(".repeat(*parentheses), ")".repeat(*parentheses))
        }).collect();
        let (width, has_source, _) = styles[0];
        let inside = parts.join(&format!("{0}||{0}", space(width)));
        let pattern = if has_source { format!("{{{inside}}}") } else { format!("{{ ($.eventSource=iam.amazonaws.com)&&({inside}) }}") };
        let missed: Vec<&str> = POLICY_EVENTS.into_iter().filter(|name| !some.contains(name)).collect();
        let wanted = if missed.is_empty() { Hears::All } else { Hears::NotOf(missed) };
        prop_assert_eq!(filter_pattern(&pattern), wanted, "{}", pattern);
    }

    #[test]
    fn no_text_stops_the_readers(text in "[ -~]{0,60}", inside in "[ $.a-zA-Z()&|=!\"%*]{0,60}") {
        filter_pattern(&text);
        filter_pattern(&format!("{{{inside}}}"));
        event_pattern(&text, "1", "us-east-1");
    }
}
