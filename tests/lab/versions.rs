//! The lab's Secrets Manager against what AWS documents, asked through the AWS SDK.

use keyrotate::aws::{Aws, AwsError, ClientOptions, Endpoints, ErrorKind, SecretBody, SecretId, Signer, VersionOf};
use keyrotate::model::{AccessKeyId, AccessKeyPair, SecretAccessKey};

use crate::lab::faults::{Fault, Rule};
use crate::lab::key::Status;
use crate::lab::secrets::Body;
use crate::lab::{Lab, Settings};

const TOKENS: [&str; 2] = ["token-0123456789-0123456789-00001", "token-0123456789-0123456789-00002"];

struct Bench {
    lab: Lab,
    aws: Aws,
    signer: Signer,
    arn: String,
    first: String,
}

impl Bench {
    fn new() -> Self {
        let lab = Lab::start(Settings::default());
        let arn = lab.world().add_secret("ci", "eu-west-1", Some(Body::Text("{}".into())));
        let endpoints = Endpoints { secrets_manager: Some(lab.url()), ..Endpoints::default() };
        let aws = Aws::new(ClientOptions { region: None, endpoints, ca_bundle: None }).expect("a good endpoint");
        let key = lab.first_key();
        let pair = AccessKeyPair { id: AccessKeyId::parse(&key.id).expect("an ID"), secret: SecretAccessKey::new(key.secret) };
        let first = lab.world().secret("ci").versions[0].id.clone();
        Self { lab, aws, signer: Signer::LongTerm(pair), arn, first }
    }

    fn put(&self, token: &str, text: &str, stage: &str) -> Result<(), AwsError> {
        self.aws.put_secret_value(&self.signer, &self.arn, token, &SecretBody::Text(text.to_owned().into()), stage)
    }

    fn shift(&self, stage: &str, to: Option<&str>, from: Option<&str>) -> Result<(), AwsError> {
        self.aws.update_secret_version_stage(&self.signer, &self.arn, stage, to, from)
    }

    fn get(&self, stage: &str) -> Result<String, AwsError> {
        let found = self.aws.get_secret_value(&self.signer, &self.arn, VersionOf::Stage(stage))?;
        Ok(String::from_utf8_lossy(found.body.bytes()).into_owned())
    }

    /// Which version has a label.
    fn at(&self, stage: &str) -> Option<String> {
        self.lab.world().secret("ci").staged(stage).map(|version| version.id.clone())
    }
}

fn code<T>(answer: Result<T, AwsError>) -> String {
    answer.map(|_| ()).expect_err("a refusal").code.unwrap_or_default()
}

#[test]
fn a_put_without_stages_moves_awscurrent_and_awsprevious_follows() {
    let bench = Bench::new();
    bench.put(TOKENS[0], "one", "AWSCURRENT").expect("a put");
    assert_eq!((bench.at("AWSCURRENT").as_deref(), bench.at("AWSPREVIOUS")), (Some(TOKENS[0]), Some(bench.first.clone())));
    assert_eq!((bench.get("AWSCURRENT").expect("a value"), bench.get("AWSPREVIOUS").expect("a value")), ("one".into(), "{}".into()));
}

#[test]
fn a_put_with_awspending_takes_the_label_in_silence_and_leaves_the_others() {
    let bench = Bench::new();
    bench.put(TOKENS[0], "one", "AWSPENDING").expect("a put");
    bench.put(TOKENS[1], "two", "AWSPENDING").expect("a put");
    assert_eq!((bench.at("AWSPENDING").as_deref(), bench.at("AWSCURRENT")), (Some(TOKENS[1]), Some(bench.first.clone())));
    let facts = bench.aws.describe_secret(&bench.signer, SecretId { id: &bench.arn, region: None }).expect("facts");
    assert!(facts.versions.len() == 2 && !facts.versions.contains_key(TOKENS[0]), "a version without a label is not told: {facts:?}");
}

#[test]
fn a_token_makes_a_put_idempotent_and_is_good_for_one_value() {
    let bench = Bench::new();
    bench.put(TOKENS[0], "one", "AWSPENDING").expect("a put");
    bench.put(TOKENS[1], "two", "AWSPENDING").expect("a put");
    bench.put(TOKENS[0], "one", "AWSPENDING").expect("the same put");
    assert_eq!(bench.at("AWSPENDING").as_deref(), Some(TOKENS[1]), "nothing is done the second time");
    let error = bench.put(TOKENS[0], "other", "AWSPENDING").expect_err("another value");
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Conflict, Some("ResourceExistsException")));
}

#[test]
fn a_label_moves_away_from_the_version_that_is_named_or_not_at_all() {
    let bench = Bench::new();
    bench.put(TOKENS[0], "one", "AWSPENDING").expect("a put");
    let (to, first) = (Some(TOKENS[0]), bench.first.as_str());
    assert_eq!(code(bench.shift("AWSCURRENT", to, None)), "InvalidParameterException");
    assert_eq!(code(bench.shift("AWSCURRENT", to, to)), "InvalidParameterException");
    assert_eq!(code(bench.shift("AWSCURRENT", None, Some(first))), "InvalidParameterException");
    assert_eq!(code(bench.shift("AWSCURRENT", Some(TOKENS[1]), Some(first))), "ResourceNotFoundException");
    assert_eq!(bench.at("AWSCURRENT"), Some(bench.first.clone()));
    bench.shift("AWSCURRENT", to, Some(first)).expect("a move");
    assert_eq!((bench.at("AWSCURRENT").as_deref(), bench.at("AWSPREVIOUS")), (to, Some(bench.first.clone())));
    assert_eq!(code(bench.shift("AWSCURRENT", to, Some(first))), "InvalidParameterException", "it is not there any more");
    bench.shift("AWSPENDING", None, to).expect("a removal");
    assert_eq!(bench.at("AWSPENDING"), None);
}

#[test]
fn a_value_has_65536_bytes_at_most() {
    let bench = Bench::new();
    bench.put(TOKENS[0], &"x".repeat(65_536), "AWSPENDING").expect("a put");
    assert_eq!(code(bench.put(TOKENS[1], &"x".repeat(65_537), "AWSPENDING")), "ValidationException");
}

#[test]
fn each_refusal_is_awss_own() {
    let bench = Bench::new();
    let region = bench.aws.describe_secret(&bench.signer, SecretId { id: "ci", region: None });
    assert_eq!(region.expect_err("us-east-1 has none").kind, ErrorKind::Gone);
    assert_eq!(bench.get("nothing").expect_err("no such label").kind, ErrorKind::Gone);
    bench.lab.world().settings.denied.insert("kms:Decrypt".into());
    assert_eq!(bench.get("AWSCURRENT").expect_err("KMS").kind, ErrorKind::Kms);
    bench.lab.world().settings.denied = ["secretsmanager:GetSecretValue".to_owned()].into();
    assert_eq!(bench.get("AWSCURRENT").expect_err("no permission").kind, ErrorKind::Denied { explicit: false });
    bench.lab.world().settings.denied.clear();
    bench.lab.world().secret("ci").primary_region = Some("us-east-1".into());
    assert_eq!(code(bench.put(TOKENS[0], "x", "AWSPENDING")), "InvalidRequestException");
    bench.lab.world().secret("ci").deleted_at = Some(1.0);
    assert_eq!(bench.get("AWSCURRENT").expect_err("marked").kind, ErrorKind::PendingDeletion);
    let facts = bench.aws.describe_secret(&bench.signer, SecretId { id: &bench.arn, region: None }).expect("it is described");
    assert!(facts.deleted_at.is_some());
    bench.lab.rules(vec![Rule::on("GetSecretValue", Fault::error(400, "ThrottlingException")).times(0)]);
    assert_eq!(bench.get("AWSCURRENT").expect_err("throttled").kind, ErrorKind::Throttled);
    bench.lab.rules(Vec::new());
    let id = bench.lab.first_key().id;
    bench.lab.world().set_status(&id, Status::Inactive);
    assert_eq!(code(bench.get("AWSCURRENT")), "UnrecognizedClientException");
}

#[test]
fn the_log_has_no_value_and_a_wrong_secret_no_access() {
    let bench = Bench::new();
    bench.put(TOKENS[0], "one", "AWSPENDING").expect("a put");
    let call = bench.lab.calls().pop().expect("a call");
    assert_eq!(
        (call.service.as_str(), call.action.as_str(), call.params["SecretString"].as_str()),
        ("secretsmanager", "PutSecretValue", "***")
    );
    let id = AccessKeyId::parse(&bench.lab.first_key().id).expect("an ID");
    let wrong = Signer::LongTerm(AccessKeyPair { id, secret: SecretAccessKey::new("wrong") });
    let error = bench.aws.get_secret_value(&wrong, &bench.arn, VersionOf::Stage("AWSCURRENT")).expect_err("a wrong secret");
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::BadSignature, Some("InvalidSignatureException")));
}

#[test]
fn a_secret_is_made_once_by_its_token_and_not_while_one_of_its_name_is_deleted() {
    let bench = Bench::new();
    let create = |name: &str, token: &str, text: &str| {
        let secret = SecretId { id: name, region: Some("eu-west-1") };
        bench.aws.create_secret(&bench.signer, secret, token, &SecretBody::Text(text.to_owned().into()))
    };
    create("new", TOKENS[0], "one").expect("a new secret");
    assert_eq!(bench.lab.world().secret("new").current(), "one");
    assert_eq!(bench.lab.world().secret("new").versions[0].id, TOKENS[0]);
    create("new", TOKENS[0], "one").expect("the same again");
    assert_eq!(code(create("new", TOKENS[0], "two")), "ResourceExistsException");
    assert_eq!(code(create("new", TOKENS[1], "one")), "ResourceExistsException");
    assert_eq!(code(create("a b", TOKENS[0], "one")), "ValidationException");
    assert_eq!(code(create("other", "short", "one")), "InvalidParameterException");
    assert_eq!(bench.lab.world().secrets.len(), 2);
    assert_eq!(bench.lab.world().secret("new").versions.len(), 1);
    bench.lab.world().secret("new").deleted_at = Some(1_714_557_600.0);
    let deleted = create("new", TOKENS[1], "one").expect_err("a refusal");
    assert_eq!((deleted.code.as_deref(), deleted.kind), (Some("InvalidRequestException"), ErrorKind::PendingDeletion));
    let calls = bench.lab.calls();
    assert!(calls.iter().filter(|call| call.action == "CreateSecret").all(|call| call.params["SecretString"] == "***"));
}

#[test]
fn policies_decide_about_a_secret_by_its_whole_arn_and_the_refusal_names_it_as_the_call_did() {
    let bench = Bench::new();
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"secretsmanager:Get*","Resource":"arn:aws:secretsmanager:eu-west-1:${aws:PrincipalAccount}:secret:ci-??????"},
        {"Effect":"Deny","Action":"secretsmanager:Put*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceAccount":"000000000000"}}}]}"#;
    bench.lab.world().enforce("dev", policy);
    assert_eq!(bench.get("AWSCURRENT").expect("it is allowed"), "{}");
    let refused = bench.put(TOKENS[0], "one", "AWSCURRENT").expect_err("it is denied");
    assert_eq!(refused.code.as_deref(), Some("AccessDeniedException"));
    let message = format!("secretsmanager:PutSecretValue on resource: {} with an explicit deny in an identity-based policy", bench.arn);
    assert!(refused.message.contains(&message), "{refused:?}");
    let other = bench.lab.world().add_secret("cia", "eu-west-1", Some(Body::Text("{}".into())));
    let refused = bench.aws.get_secret_value(&bench.signer, &other, VersionOf::Stage("AWSCURRENT"));
    assert_eq!(code(refused), "AccessDeniedException");
    bench.lab.close();
}
