//! How the services that watch over an account are spoken to: CBOR by the examples of its standard, and each protocol's refusals.

use serde_json::{Value, json};

use super::lab::sigv4::{Authorization, Request, signature};
use super::lab::{Lab, Settings, cbor};
use super::wire::{Signer, ask, refusal, send};

/// RFC 8949, appendix A.
#[test]
fn cbor_is_read_and_written_as_its_standard_has_it() {
    for (bytes, value) in [
        (&[0x00][..], json!(0)),
        (&[0x18, 0x64], json!(100)),
        (&[0x19, 0x03, 0xe8], json!(1000)),
        (&[0x1a, 0x00, 0x0f, 0x42, 0x40], json!(1_000_000)),
        (&[0x1b, 0x00, 0x00, 0x00, 0xe8, 0xd4, 0xa5, 0x10, 0x00], json!(1_000_000_000_000_u64)),
        (&[0x38, 0x63], json!(-100)),
        (&[0xfb, 0x3f, 0xf1, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a], json!(1.1)),
        (&[0xf4], json!(false)),
        (&[0xf5], json!(true)),
        (&[0xf6], Value::Null),
        (&[0x62, 0xc3, 0xbc], json!("\u{fc}")),
        (&[0x82, 0x61, 0x61, 0xa1, 0x61, 0x62, 0x61, 0x63], json!(["a", {"b": "c"}])),
    ] {
        assert_eq!(cbor::decode(bytes), Some(value.clone()), "{value}");
        // The standard's "ü" has two bytes, and a length below 24 its own place, so that each has one form only.
        assert_eq!(cbor::encode(&value), bytes, "{value}");
        assert_eq!(cbor::decode(&bytes[..bytes.len() - 1]), None, "{value}, torn");
    }
    let endless = [0xbf, 0x63, 0x46, 0x75, 0x6e, 0xf5, 0x61, 0x61, 0x9f, 0x01, 0xff, 0xff];
    assert_eq!(cbor::decode(&endless), Some(json!({"Fun": true, "a": [1]})));
    assert_eq!(cbor::decode(&[0xfa, 0x47, 0xc3, 0x50, 0x00]), Some(json!(100_000.0)));
    for bad in [&[][..], &[0xff], &[0x00, 0x00], &[0x1c], &[0xa1, 0x00, 0x00]] {
        assert_eq!(cbor::decode(bad), None, "{bad:?}");
    }
}

/// A call in JSON; the whole answer.
fn in_json(lab: &Lab, service: &str, target: &str, body: &Value) -> String {
    let signer = Signer::of(&lab.first_key());
    let stamp = chrono::Utc::now().format("%Y%m%dT%H%M%SZ").to_string();
    let headers = [("host", lab.url().replace("http://", "")), ("x-amz-date", stamp.clone()), ("x-amz-target", target.to_owned())];
    let mut auth = Authorization {
        key_id: signer.id.clone(),
        date: stamp[..8].into(),
        region: "us-east-1".into(),
        service: service.into(),
        signed_headers: headers.iter().map(|(name, _)| (*name).to_owned()).collect(),
        signature: String::new(),
    };
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let request = Request { method: "POST".into(), path: "/".into(), headers, body: body.to_string().into(), ..Request::default() };
    auth.signature = signature(&signer.secret, &auth, &request);
    send(&auth, &request)
}

#[test]
fn what_is_not_there_or_not_allowed_is_refused_in_the_words_of_each_service() {
    let lab = Lab::start(Settings::default());
    let trail = {
        let mut world = lab.world();
        let at = world.add_trail("far", "eu-west-1", None);
        world.trail_arn(&world.trails[at])
    };
    let status = |name: &str| {
        in_json(&lab, "cloudtrail", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.GetTrailStatus", &json!({"Name": name}))
    };
    assert!(status(&trail).contains("TrailNotFoundException"), "in another region than its own");
    lab.world().trails[0].home_region = "us-east-1".into();
    let moved = trail.replace("eu-west-1", "us-east-1");
    assert!(status(&moved).contains(r#""IsLogging":true"#), "{}", status(&moved));
    let group = |name: &str| in_json(&lab, "logs", "Logs_20140328.DescribeMetricFilters", &json!({"logGroupName": name}));
    assert!(group("none").contains("ResourceNotFoundException"));
    lab.world().settings.denied = ["logs:DescribeMetricFilters".into(), "sns:GetTopicAttributes".into()].into();
    assert!(group("none").contains("AccessDeniedException"));
    let attributes =
        || ask(&lab, &Signer::of(&lab.first_key()), "sns", "Action=GetTopicAttributes&TopicArn=arn:aws:sns:us-east-1:000000000000:a");
    assert_eq!(refusal(&attributes()), ("403", "AuthorizationError"));
    lab.world().settings.denied.clear();
    assert_eq!(refusal(&attributes()), ("404", "NotFound"));
    lab.close();
}
