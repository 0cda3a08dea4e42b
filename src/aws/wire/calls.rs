//! What good answers are read as.

use std::sync::Barrier;

use chrono::TimeDelta;

use super::{Answer, DATE, ID, IDENTITY, Server, member, ok, refusal, session, signer, whole};
use crate::aws::{ErrorKind, look_all};
use crate::model::{KeyOwner, KeyStatus, LastUsed};
use crate::os::clock;

#[test]
fn an_identity_is_read_and_the_answers_date_kept() {
    let server = Server::start(|_| ok("GetCallerIdentity", IDENTITY));
    let aws = server.aws();
    assert_eq!((aws.server_time(), aws.clock_skew()), (None, None));
    let before = clock::boot_time();
    let identity = aws.get_caller_identity(&signer()).unwrap();
    assert_eq!((identity.user_name(), identity.user_id.as_str()), (Some("dev"), "AIDAEXAMPLE"));
    let time = aws.server_time().unwrap();
    assert_eq!(time.date.timestamp(), 1_445_412_480);
    assert!(time.read_at >= before && time.read_at <= clock::boot_time());
    assert!(aws.clock_skew().unwrap() < TimeDelta::days(-3_000));
}

#[test]
fn a_request_is_signed_by_what_was_given_and_names_this_program() {
    let server = Server::start(|_| ok("GetCallerIdentity", IDENTITY));
    server.aws().get_caller_identity(&session()).unwrap();
    let request = &server.requests()[0];
    assert!(request.contains("Credential=ASIAEXAMPLE000000001/") && request.contains("/us-east-1/sts/"), "{request}");
    assert!(request.to_ascii_lowercase().contains("x-amz-security-token: canary-token"), "{request}");
    assert!(request.contains(&format!("lib/keyrotate/{}", env!("CARGO_PKG_VERSION"))), "{request}");
    assert!(!request.contains("canary-secret"));
}

#[test]
fn a_listing_is_read_to_its_last_page() {
    let server = Server::start(|request| {
        let second = request.contains("Marker=next");
        let more = if second { "<IsTruncated>false</IsTruncated>" } else { "<IsTruncated>true</IsTruncated><Marker>next</Marker>" };
        let key = if second { member("AKIAEXAMPLE000000002", "Expired") } else { member(ID, "Inactive") };
        ok("ListAccessKeys", &format!("<AccessKeyMetadata>{key}</AccessKeyMetadata>{more}"))
    });
    let keys = server.aws().list_access_keys(&signer(), KeyOwner::User("dev")).unwrap();
    let statuses: Vec<_> = keys.iter().map(|key| key.status.clone()).collect();
    assert_eq!(statuses, [KeyStatus::Inactive, KeyStatus::Other("Expired".into())]);
    assert!(server.requests().iter().all(|request| request.contains("UserName=dev")));
}

#[test]
fn a_new_key_comes_with_its_secret_and_is_asked_for_once() {
    let server = Server::start(|_| {
        let secret = "<SecretAccessKey>canary-new</SecretAccessKey><Status>Active</Status><UserName>dev</UserName>";
        let key = format!("<AccessKey><AccessKeyId>{ID}</AccessKeyId>{secret}<CreateDate>2024-05-01T10:00:00Z</CreateDate></AccessKey>");
        ok("CreateAccessKey", &key)
    });
    let (pair, created_at) = server.aws().create_access_key(&session(), KeyOwner::User("dev")).unwrap();
    assert_eq!((pair.id.as_str(), pair.secret.expose(), created_at.timestamp()), (ID, "canary-new", 1_714_557_600));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn never_used_is_told_from_not_allowed_to_know() {
    let server = Server::start(|_| {
        ok("GetAccessKeyLastUsed", "<AccessKeyLastUsed><ServiceName>N/A</ServiceName><Region>N/A</Region></AccessKeyLastUsed>")
    });
    assert_eq!(server.aws().get_access_key_last_used(&signer(), signer().key_id()), Ok(LastUsed::Never));
    let server = Server::start(|_| refusal(403, "AccessDenied", "not authorized, with an explicit deny in a policy"));
    let error = server.aws().get_access_key_last_used(&signer(), signer().key_id()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied { explicit: true });
}

#[test]
fn a_status_is_set_on_the_named_key_of_the_named_user() {
    let server = Server::start(|_| whole(200, DATE, "<UpdateAccessKeyResponse><ResponseMetadata/></UpdateAccessKeyResponse>"));
    assert_eq!(server.aws().update_access_key(&signer(), KeyOwner::User("dev+ci"), signer().key_id(), KeyStatus::Inactive), Ok(()));
    let request = &server.requests()[0];
    for part in ["Action=UpdateAccessKey", "UserName=dev%2Bci", &format!("AccessKeyId={ID}"), "Status=Inactive"] {
        assert!(request.contains(part), "{request}");
    }
}

#[test]
fn policies_of_groups_count_too() {
    let server = Server::start(|request| match request {
        r if r.contains("Action=ListAttachedUserPolicies") => ok(
            "ListAttachedUserPolicies",
            "<AttachedPolicies><member><PolicyName>Own</PolicyName><PolicyArn>arn:aws:iam::1:policy/Own</PolicyArn></member></AttachedPolicies>",
        ),
        r if r.contains("Action=ListGroupsForUser") => {
            let group =
                "<Path>/</Path><GroupId>AGPA</GroupId><Arn>arn:aws:iam::1:group/ops</Arn><CreateDate>2024-05-01T10:00:00Z</CreateDate>";
            ok("ListGroupsForUser", &format!("<Groups><member><GroupName>ops</GroupName>{group}</member></Groups>"))
        }
        r if r.contains("GroupName=ops") => ok(
            "ListAttachedGroupPolicies",
            "<AttachedPolicies><member><PolicyName>Theirs</PolicyName><PolicyArn>arn:aws:iam::1:policy/Theirs</PolicyArn></member></AttachedPolicies>",
        ),
        _ => Answer::Close,
    });
    assert_eq!(server.aws().list_attached_policies(&signer(), "dev"), Ok(vec!["Own".to_owned(), "Theirs".to_owned()]));
}

#[test]
fn looks_at_several_keys_are_made_at_once() {
    // The first answers come only when all six first calls are here.
    let barrier = Barrier::new(6);
    let server = Server::start(move |request| {
        if !request.contains("ListAccessKeys") {
            barrier.wait();
        }
        match request {
            r if r.contains("Action=GetCallerIdentity") => ok("GetCallerIdentity", IDENTITY),
            r if r.contains("Action=ListAccessKeys") => {
                ok("ListAccessKeys", &format!("<AccessKeyMetadata>{}</AccessKeyMetadata>", member(ID, "Active")))
            }
            r if r.contains("Action=GetAccountSummary") => {
                ok("GetAccountSummary", "<SummaryMap><entry><key>AccountAccessKeysPresent</key><value>1</value></entry></SummaryMap>")
            }
            _ => refusal(403, "AccessDenied", "no"),
        }
    });
    let (one, two) = (server.aws(), server.aws());
    let sights = look_all(&[(&one, &signer()), (&two, &signer())]);
    assert_eq!(sights.len(), 2);
    for sight in sights {
        assert_eq!(sight.identity.unwrap().user_name(), Some("dev"));
        assert_eq!(sight.listing.unwrap().unwrap().len(), 1);
        assert_eq!(sight.root_keys, Ok(Some(1)));
        let [(id, denied)] = &sight.last_uses[..] else { panic!("one last use, of the key itself") };
        assert_eq!((id.as_str(), denied.as_ref().unwrap_err().kind), (ID, ErrorKind::Denied { explicit: false }));
    }
}

#[test]
fn an_unknown_user_has_no_listing() {
    let server = Server::start(|_| refusal(403, "InvalidClientTokenId", "The security token included in the request is invalid."));
    let sight = server.aws().look(&session());
    assert_eq!(sight.identity.unwrap_err().kind, ErrorKind::NotYetValid);
    assert!(sight.listing.is_none() && sight.last_uses.is_empty() && sight.root_keys.is_err());
}
