//! Secrets Manager on the wire: JSON, each secret in its own region.

use zeroize::Zeroizing;

use super::{Answer, DATE, Server, assert_no_secret, signer, whole};
use crate::aws::{AwsError, ErrorKind, SecretBody, SecretId, VersionOf};

const ARN: &str = "arn:aws:secretsmanager:eu-west-3:111122223333:secret:ci-AbC123";
const TOKEN: &str = "keyrotate-0123456789abcdef-00-000001";

fn named(id: &str) -> SecretId<'_> {
    SecretId { id, region: None }
}

fn refused(code: &str, message: &str) -> Answer {
    whole(400, DATE, &format!(r#"{{"__type":"{code}","Message":"{message}"}}"#))
}

fn text(text: &str) -> SecretBody {
    SecretBody::Text(Zeroizing::new(text.to_owned()))
}

#[test]
fn a_secret_is_described_with_its_versions() {
    let server = Server::start(|_| {
        let body = format!(
            r#"{{"ARN":"{ARN}","Name":"ci","DeletedDate":1714557600.5,"RotationEnabled":true,"PrimaryRegion":"eu-west-1",
               "VersionIdsToStages":{{"v1":["AWSCURRENT"],"v0":["AWSPREVIOUS","mine"]}}}}"#
        );
        whole(200, DATE, &body)
    });
    let facts = server.aws().describe_secret(&signer(), named("ci")).unwrap();
    assert_eq!((facts.arn.as_str(), facts.is_rotated_by_aws, facts.primary_region.as_deref()), (ARN, true, Some("eu-west-1")));
    assert_eq!(facts.deleted_at.unwrap().timestamp(), 1_714_557_600);
    assert_eq!((facts.versions["v1"].as_slice(), facts.versions["v0"].len()), (["AWSCURRENT".to_owned()].as_slice(), 2));
}

#[test]
fn each_call_is_signed_for_the_secrets_own_region() {
    let server = Server::start(|_| whole(200, DATE, &format!(r#"{{"ARN":"{ARN}"}}"#)));
    let aws = server.aws();
    aws.describe_secret(&signer(), named(ARN)).unwrap();
    aws.describe_secret(&signer(), SecretId { id: "ci", region: Some("ap-south-1") }).unwrap();
    aws.describe_secret(&signer(), named("ci")).unwrap();
    for (request, region) in server.requests().iter().zip(["eu-west-3", "ap-south-1", "us-east-1"]) {
        assert!(request.contains(&format!("/{region}/secretsmanager/aws4_request")), "{request}");
    }
}

#[test]
fn text_and_bytes_are_read_and_put() {
    let server = Server::start(|request| {
        let value = if request.contains("\"VersionId\":\"v1\"") { r#""SecretString":"{}""# } else { r#""SecretBinary":"e30=""# };
        let version = if request.contains("PutSecretValue") { TOKEN } else { "v1" };
        whole(200, DATE, &format!(r#"{{"ARN":"{ARN}","VersionId":"{version}",{value}}}"#))
    });
    let aws = server.aws();
    let first = aws.get_secret_value(&signer(), ARN, VersionOf::Id("v1")).unwrap();
    assert_eq!((first.id.as_str(), first.body), ("v1", text("{}")));
    let second = aws.get_secret_value(&signer(), ARN, VersionOf::Stage("AWSCURRENT")).unwrap().body;
    assert_eq!(second, SecretBody::Binary(Zeroizing::new(b"{}".to_vec())));
    aws.put_secret_value(&signer(), ARN, TOKEN, &second, "AWSPENDING").unwrap();
    let sent = server.requests().pop().unwrap();
    assert!(sent.contains(r#""SecretBinary":"e30=""#) && sent.contains(r#""VersionStages":["AWSPENDING"]"#), "{sent}");
    assert!(sent.contains(&format!(r#""ClientRequestToken":"{TOKEN}""#)), "{sent}");
}

#[test]
fn what_refuses_a_secret_is_told_apart() {
    for (code, message, kind) in [
        ("ResourceNotFoundException", "Secrets Manager can't find the specified secret.", ErrorKind::Gone),
        ("AccessDeniedException", "Access to KMS is not allowed", ErrorKind::Kms),
        ("AccessDeniedException", "is not authorized to perform: secretsmanager:GetSecretValue", ErrorKind::Denied { explicit: false }),
        ("DecryptionFailure", "Secrets Manager can't decrypt the protected secret text", ErrorKind::Kms),
        (
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
            ErrorKind::PendingDeletion,
        ),
        ("UnrecognizedClientException", "The security token included in the request is invalid.", ErrorKind::NotYetValid),
    ] {
        let server = Server::start(move |_| refused(code, message));
        let error = server.aws().get_secret_value(&signer(), ARN, VersionOf::Stage("AWSCURRENT")).unwrap_err();
        assert_eq!((error.kind, error.is_definitive(), error.code.as_deref()), (kind, true, Some(code)), "{error}");
        assert_eq!(server.requests().len(), 1, "{error}");
    }
}

#[test]
fn an_error_quotes_nothing_of_the_value() {
    let server = Server::start(|_| refused("ValidationException", "Value 'canary-canary-canary' at 'secretString' failed"));
    let error = server.aws().put_secret_value(&signer(), ARN, TOKEN, &text("{canary-canary-canary}"), "AWSPENDING").unwrap_err();
    assert_no_secret(&error);
}

#[test]
fn an_answer_that_lacks_something_is_none() {
    let server = Server::start(|_| whole(200, DATE, "{}"));
    let aws = server.aws();
    let errors: [AwsError; 3] = [
        aws.describe_secret(&signer(), named(ARN)).unwrap_err(),
        aws.get_secret_value(&signer(), ARN, VersionOf::Id("v1")).unwrap_err(),
        aws.put_secret_value(&signer(), ARN, TOKEN, &text("{}"), "AWSPENDING").unwrap_err(),
    ];
    assert!(errors.iter().all(|error| error.kind == ErrorKind::Garbled), "{errors:?}");
}
